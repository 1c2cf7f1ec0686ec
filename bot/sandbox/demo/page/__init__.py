"""Web page of ``ftjob try``: a Slack workspace in the browser, with controls of the stand-ins behind it."""
