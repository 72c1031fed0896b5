"""`predicts`: predicts each step's target from the steps up to it.

`predict(inputs)`: inputs (N, T, …) as the source gives them → (N, T, K), probabilities of the
classes, or numbers in their own units.

A finished run has the measurement `test accuracy`, or of numbers `test squared error`, beside the
best guess without memory, and leaves the picture `predictions`; where the source knows how far back
what is asked for lies, also `distance`.
"""
