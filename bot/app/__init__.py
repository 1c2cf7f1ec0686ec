"""Composition root: builds the parts, connects them, runs them, and stops them."""
