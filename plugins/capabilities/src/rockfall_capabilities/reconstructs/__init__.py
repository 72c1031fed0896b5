"""`reconstructs`: encodes an input and decodes it again.

`reconstruct(inputs)`: inputs (N, …) as the source gives them → the same shape and type.

`rockfall reconstruct RUN` shows test examples beside their reconstructions. A finished run has the
measurement `reconstruction error`, and leaves `reconstructions`.
"""
