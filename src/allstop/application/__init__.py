"""Use cases: the command post, the runner, the timekeeper, the monitor, views and reports."""
