"""Stand-in for Together's fine-tuning API."""
