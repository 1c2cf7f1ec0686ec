"""Test oracle of ``ftjob try``: expected and actual alerts, from what the stand-ins saw.

    user interactions -> user_commands -> expected -> pending -> delivery_check
    finished jobs ------------------------^             ^         ^
    messages in Slack -> channel_posts ------------------+         |
                      -> duplicate_replies ------------------------+

It parses what users typed by itself and never reads the bot's state, so it also detects a bot that lost its data.
"""
