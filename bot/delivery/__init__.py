"""Delivery: posts the deliveries of the outbox to Slack, in order; updates cards and uploads charts."""
