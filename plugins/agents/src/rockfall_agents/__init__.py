"""Agents: networks that learn to play. Start at `reinforce.py`."""
