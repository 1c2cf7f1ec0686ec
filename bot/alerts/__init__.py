"""Who hears of a change, what is sent, and what happens when Slack does not take it."""
