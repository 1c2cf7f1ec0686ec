"""Polling of accounts: the timer (`scheduler`) starts the `poller` of each; `backoff` and `plan` decide, purely."""
