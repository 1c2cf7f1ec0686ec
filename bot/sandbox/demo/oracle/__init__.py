"""The test oracle of ``ftjob try``: what had to be told and what was, judged by the stand-ins alone.

    what people did -> asks -> wanted -> pending -> check
    jobs that finished --------^            ^        ^
    what stands in Slack -> posts ----------+        |
                         -> answers -> doubled ------+

It reads what people typed for itself and knows nothing of what the bot believes: a bot that forgets what it owes is
found, too.
"""
