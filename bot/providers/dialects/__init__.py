"""Dialects: one file for each provider."""
