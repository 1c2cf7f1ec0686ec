"""Channels in the store: tracks, subscriptions, preferences, mutes, direct messages."""
