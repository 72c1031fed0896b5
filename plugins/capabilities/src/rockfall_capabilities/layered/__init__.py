"""`layered`: shows what each of its layers gives, and which of them goes into which.

`trace(inputs)`: inputs (N, …) as the source gives them → layers (`rockfall.kit.tracing.Layer`), the
input first, each with its values (N, …), the names of those that it is computed of, and its weights
where it has any. `rockfall.kit.tracing.trace_layers` finds them in any `nn.Module`.

Rockfall Studio draws them.
"""
