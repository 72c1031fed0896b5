"""`scores`: says how likely an example is, by a number of which only the order need mean anything.

`score(inputs)`: inputs (N, …) as the source gives them → (N,), higher for likelier ones: a bound of
the log-likelihood, or minus the free energy.

There is no verb, and a run leaves nothing of it.
"""
