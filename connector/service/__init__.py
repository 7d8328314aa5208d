"""The process that runs: pipelines wired from settings, from start to stop."""
