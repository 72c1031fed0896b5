"""The table of contents for Rockfall, which alone imports this file.

It lies beside the package, since importing the package imports Gymnasium, which takes longer than
all of `rockfall --help`.
"""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.environment(
        name="hello",
        summary="walk to the flag, on a line of cells",
        target="rockfall_hello.hello:HelloEnv",
        gymnasium_id="rockfall_hello/Hello-v0",
        kinds=("environment", "discrete-actions"),
        baselines={"oracle": "rockfall_hello.hello:oracle"},
        reference="after the gridworlds of Sutton and Barto 2018, Reinforcement Learning",
    )
