"""`acts`: chooses actions in an environment.

`act(observations)`: observations (N, …) as the environment gives them → actions (N,) int64. It is
the final policy: greedy, deterministic, one observation independent of the others.

`rockfall play RUN` shows it. A finished run has the measurement `score`: the mean return of whole
episodes, beside that of random play and of the environment's other baselines.
"""
