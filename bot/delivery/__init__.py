"""Delivery: out of the outbox and into Slack, in order, until Slack has it; cards and curves beside it."""
