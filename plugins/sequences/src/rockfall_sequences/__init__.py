"""Sequences, memories that learn them, and what these remember. Start at `lstm.py`."""
