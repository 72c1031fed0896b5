"""See: draw a picture, or take a step of a game, and look at what every layer makes of it.

What it shows of a run depends on its model's capabilities alone: `layered`, and `classifies`.
"""

from rockfall_studio.views.see import inputs, runs, saliency, unit

__all__ = ["inputs", "runs", "saliency", "unit"]
