"""Accounts in the store: poll leases, outages, and what is inherited from a removed account."""
