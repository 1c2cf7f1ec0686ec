"""Repositories of the runs that a team's own trainers push."""
