"""`resamples`: goes on from an example by its Markov chain, part of which may be clamped.

`resample(inputs, clamped, temperature=…)`: inputs (N, …) as the source gives them, and what of them
keeps its value, (N, …) bool → iterator of (N, …) of the source's shape and type, without end.

The studio's Imagine runs a chain from a drawing, and fills in what is missing of it.
"""
