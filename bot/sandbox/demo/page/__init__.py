"""The page of ``ftjob try``: a workspace in a browser, and the levers behind it. It talks to the stand-ins alone."""
