"""``ftjob try``: both stand-ins, the real bot in between, and the page that shows them."""
