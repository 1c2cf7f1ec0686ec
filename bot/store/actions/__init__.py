"""Actions in the store: confirmations, the audit, idempotency keys."""
