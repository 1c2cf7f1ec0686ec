"""Local stand-ins for Slack and for a fine-tuning API: stateful HTTP servers on loopback that need no account.

``ftjob try`` and the test suite share them. They know nothing of the bot's own code, and validate requests as strictly
as the real services do.
"""
