"""Telemetry: logs, metrics, redaction, heartbeat."""
