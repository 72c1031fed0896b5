"""Imagine: latents to drag, a map to walk in, blends, samples, and chains from a drawing.

What it shows of a run depends on its model's capabilities alone: `decodes`, `blends`, `samples`,
`samples-by-class`, `samples-in-steps`, `reconstructs`, `resamples`.
"""

from rockfall_studio.views.imagine import chains, latents, pictures

__all__ = ["chains", "latents", "pictures"]
