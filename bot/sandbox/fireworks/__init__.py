"""Stand-in for Fireworks' fine-tuning API."""
