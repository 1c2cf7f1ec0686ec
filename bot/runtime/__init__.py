"""Runtime of each process: failpoints, the Slack app manifest, terminal output."""
