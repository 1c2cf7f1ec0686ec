"""Try it with no account: stand-ins for Slack and for a fine-tuning API, stateful and strict, on loopback.

The same two servers serve ``ftjob try`` and the test suite. Nothing here knows the bot's own code: what they check,
they check as the real services would.
"""
