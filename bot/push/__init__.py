"""Jobs of the team's own trainers: each call of a trainer is recorded as a poll's read would be."""
