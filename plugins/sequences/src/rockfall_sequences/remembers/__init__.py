"""`remembers`: shows what its memory holds at each step, and how far back it reaches.

`holds(inputs)`: inputs (N, T, …) as the source gives them → name → (N, T, units), the state and the
gates at each step. `influence(inputs)` → (N, T), the norm of the gradient of the last step's
outputs by each step's input.

A finished run leaves `memory`, what is held over one test sequence, and `influence`, the norms
against the distance from the last step.
"""
