"""`samples-in-steps`: draws new examples step by step, as a Markov chain or a flow does.

`sample_steps(count)` → iterator of (count, …) of the source's shape and type, from the start to
what `sample` gives under the same seed.

`rockfall sample RUN --gif FILE` makes a film of it. A finished run leaves `steps`: some of the
steps to the first of its `samples`.
"""
