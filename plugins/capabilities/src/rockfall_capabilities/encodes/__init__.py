"""`encodes`: maps inputs to features.

`encode(inputs)`: inputs (N, …) as the source gives them → features (N, D).

`rockfall latent RUN` draws a map of test examples by their features. A finished run has the
measurement `probe accuracy`, of a linear probe, and leaves the map `latent`.
"""
