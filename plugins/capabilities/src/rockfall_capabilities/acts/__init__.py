"""`acts`: chooses actions in an environment.

`act(observations, deterministic=True)`: observations (N, …) of a batch → actions (N, …); and what
Gymnasium itself gives, an array, a number or a dict → what the environment's `step` takes. It is
the final policy: deterministic, one observation independent of the others.

`rockfall play RUN` shows it. A finished run has the measurement `score`: the mean return of whole
episodes, beside that of random play and of the environment's other baselines.
"""
