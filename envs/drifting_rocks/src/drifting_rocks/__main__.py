"""``python -m drifting_rocks``: the mean returns of the baseline policies."""

import argparse

import numpy as np

from drifting_rocks import policies
from drifting_rocks.registration import ENV_IDS
from drifting_rocks.vector import DriftingRocksVectorEnv

BASELINES = {
    "random": policies.random,
    "steering": policies.steering,
    "planner": policies.planner,
}


def main() -> None:
    """Print the mean return and its standard error, by baseline and kind of actions."""
    parser = argparse.ArgumentParser(prog="python -m drifting_rocks", description=__doc__)
    parser.add_argument("--episodes", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    print(f"beacons reached in an episode, mean ± standard error of {args.episodes} episodes")
    print(f"{'actions':<10}", *(f"{name:>17}" for name in BASELINES))
    for parameters in ENV_IDS.values():
        env = DriftingRocksVectorEnv(args.episodes, **parameters)
        cells = []
        for baseline in BASELINES.values():
            returns = policies.episode_returns(env, baseline(env), args.seed)
            error = returns.std(ddof=1) / np.sqrt(args.episodes)
            cells.append(f"{returns.mean():.3f} ± {error:.3f}")
        print(f"{parameters['actions']:<10}", *(f"{cell:>17}" for cell in cells))


if __name__ == "__main__":
    main()
