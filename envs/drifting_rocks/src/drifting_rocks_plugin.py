"""The table of contents for Rockfall, which alone imports this file.

It lies beside the package, since importing anything inside the package imports Gymnasium, which
takes longer than all of `rockfall --help`.
"""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    for name, env_id, kind, thrusts in (
        ("drifting-rocks", "DriftingRocks", "continuous-actions", "thrusts along two axes"),
        ("drifting-rocks-discrete", "DriftingRocksDiscrete", "discrete-actions", "nine thrusts"),
    ):
        register.environment(
            name=name,
            summary=f"fly from beacon to beacon among drifting rocks, by {thrusts}",
            target="drifting_rocks.env:DriftingRocksEnv",
            gymnasium_id=f"rockfall/{env_id}-v0",
            kinds=("environment", kind),
            baselines={
                "steering": "drifting_rocks.policies:steering",
                "planner": "drifting_rocks.policies:planner",
            },
            tensor="drifting_rocks.tensor:DriftingRocksTensorEnv",
            episodes=512,
        )
