"""`decodes`: decodes latents, and draws them from their prior.

`sample_latents(count)` → latents (count, D), by torch's global generator: the seed decides which.
`decode(latents)`: (N, D) → (N, …) of the source's shape and type.

The studio's Imagine lets latents be dragged. A model that also `blends` has the same latents there.
"""
