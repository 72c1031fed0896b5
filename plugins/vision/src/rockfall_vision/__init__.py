"""Vision: classifiers, and what they see. Start at `mlp.py`."""
