"""Outbox: one row per alert and destination, in a queue per channel."""
