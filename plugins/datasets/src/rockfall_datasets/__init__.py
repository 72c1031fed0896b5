"""Datasets: pictures to learn from. Start at `plugin.py`, which names them all."""
