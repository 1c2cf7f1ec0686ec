"""Stand-ins for transformers and Lightning, which replay the callbacks of a real training: ``PYTHONPATH`` leads here."""
