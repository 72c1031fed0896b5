"""`samples-by-class`: draws new examples of the classes that it is given.

`sample_of(labels)`: labels (N,) int64 → (N, …) of the source's shape and type, by torch's global
generator.

`rockfall sample RUN --class NAME` uses it. The picture `samples` of such a model has a row of each
class.
"""
