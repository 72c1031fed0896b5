"""`samples`: draws new examples from the distribution that the model learned.

`sample(count)` → (count, …) of the source's shape and type, by torch's global generator: the seed
decides which.

`rockfall sample RUN` writes some. A finished run leaves `samples`, and `samples-STEP` of the steps
on its way, of which `rockfall sample RUN --animate` makes a film. Models that do so step by step
or by class name `samples-in-steps` or `samples-by-class` too.
"""
