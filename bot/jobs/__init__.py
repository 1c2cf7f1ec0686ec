"""The vocabulary of fine-tuning jobs: models, statuses, changes and actions. Pure."""
