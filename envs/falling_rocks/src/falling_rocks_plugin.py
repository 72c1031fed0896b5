"""The table of contents for Rockfall, which alone imports this file.

It lies beside the package, since importing anything inside the package imports Gymnasium, which
takes longer than all of `rockfall --help`.
"""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    for size in (8, 16, 32):
        register.environment(
            name=f"falling-rocks-{size}x{size}",
            summary=f"catch falling rocks with a bowl, on {size} × {size} cells",
            target="falling_rocks.env:FallingRocksEnv",
            gymnasium_id=f"rockfall/FallingRocks-{size}x{size}-v0",
            kinds=("environment", "discrete-actions"),
            baselines={"oracle": "falling_rocks.policies:oracle"},
            tensor="falling_rocks.tensor:FallingRocksTensorEnv",
            episodes=4096,
        )
