"""Tracking: what was read of a job becomes a change, and a delivery for each channel that follows it."""
