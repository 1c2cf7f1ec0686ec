"""Tracking: turns poll results into changes, and each change into a delivery for every channel that tracks the job."""
