"""Stand-in for a team's own machine: real trainings in processes of their own, which report to the bot."""
