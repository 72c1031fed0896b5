"""Image classifiers, and pictures of what they have learned. Start at `mlp.py`."""
