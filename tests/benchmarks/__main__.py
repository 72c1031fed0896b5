"""`make bench`: every benchmark in turn, each writing its section of RESULTS.md.

All but those that take long or need what is not embedded: `vision_tables`, `agent_scores`,
`generator_family` and `sequence_tables`, which are run part by part (`--only`), `agent_cleanrl`,
`vision_finetune`, `drawn_digits`, `boltzmann_likelihood`, `boltzmann_patches`,
`generator_likelihood`, `generator_features`, `generator_mnist`, `canvas_painter`, `style_gatys`,
`style_compact`, and `studio`, which needs a browser.
"""

from __future__ import annotations

import subprocess
import sys

SCRIPTS = (
    "command_line",
    "environment_speed",
    "drifting_speed",
    "worker_speed",
    "devices_speed",
    "atari_speed",
    "vision_speed",
    "boltzmann_speed",
    "boltzmann_digits",
    "generator_speed",
    "sequence_speed",
    "generator_digits",
    "generator_points",
    "canvas_evolve",
    "style_fast",
    "time_to_skill",
    "sb3_transfers",
    "sb3_speed",
)


def main() -> int:
    failed = [
        name
        for name in SCRIPTS
        if subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{name}", "--write"], check=False
        ).returncode
    ]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
