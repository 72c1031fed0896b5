"""`explains`: shows the activations and the first weights of its layers.

`layers(inputs)`: inputs (N, …) as the source gives them → name → activations (N, C', H', W') or
(N, D), in order of depth. `filters()` → the first layer's weights (F, C, H, W), or (F, D) of
vectors.

A finished run leaves `weights`, the filters, and `layers`, the feature maps of a test picture.
`rockfall classify RUN PICTURE --explain` shows them of any picture.
"""
