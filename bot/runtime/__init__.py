"""Runtime of each process: clocks, failpoints, supervised loops, the Slack app manifest, terminal output."""
