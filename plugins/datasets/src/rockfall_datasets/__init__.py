"""Datasets and pictures to learn from. Start at `plugin.py`, which registers them all."""
