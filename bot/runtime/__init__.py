"""Runtime: what every process of ours needs from its surroundings."""
