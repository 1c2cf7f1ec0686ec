"""HTTP to fine-tuning APIs: the transport, and what requests and responses have in common."""
