"""`blends`: finds the latents of examples and decodes latents, so that what lies between two
examples can be seen.

`latents(inputs, labels)`: inputs (N, …) as the source gives them, labels (N,) int64 → (N, D).
`decode(latents)`: (N, D) → (N, …) of the source's shape and type. `spherical`: whether latents lie
about a sphere.

`rockfall blend RUN A B` interpolates between examples, and adds them with weights. A finished run
leaves `blends`: interpolations between four test examples.
"""
