"""The loop: when to look (`cadence`), what to ask (`plan`), looking (`sweep`), and the timer (`schedule`)."""
