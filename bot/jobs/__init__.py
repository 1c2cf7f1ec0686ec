"""The vocabulary: jobs, their events and what changed between two looks. Pure."""
