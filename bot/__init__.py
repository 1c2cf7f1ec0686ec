"""ftjob: the Slack bot that teams trust with their model fine-tuning jobs."""
