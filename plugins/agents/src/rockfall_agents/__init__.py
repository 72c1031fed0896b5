"""Reinforcement learning agents for environments with discrete actions. Start at `reinforce.py`."""
