"""Chaos with real processes: ``make chaos``. Bots are killed, frozen and stopped while both stand-ins misbehave."""
