"""Lightning, as far as a callback sees it."""
