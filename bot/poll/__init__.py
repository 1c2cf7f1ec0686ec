"""Polling: when (`backoff`), which requests (`plan`), one account (`poller`), and the timer (`scheduler`)."""
