"""Stand-in for OpenAI's fine-tuning API, and for Azure's."""
