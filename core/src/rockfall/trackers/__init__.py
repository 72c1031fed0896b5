"""Trackers: plugins that follow runs through the lifecycle hooks."""
