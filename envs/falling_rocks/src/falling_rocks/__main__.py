"""``python -m falling_rocks``: the mean returns of the baseline policies."""

import argparse

import numpy as np

from falling_rocks import policies
from falling_rocks.registration import SIZES
from falling_rocks.vector import FallingRocksVectorEnv

BASELINES = {
    "random": policies.random,
    "oracle": policies.oracle,
    "clairvoyant": policies.clairvoyant,
}


def main() -> None:
    """Print the mean return and its standard error, by baseline and size of the grid."""
    parser = argparse.ArgumentParser(prog="python -m falling_rocks", description=__doc__)
    parser.add_argument("--episodes", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    print(f"rocks caught in an episode, mean ± standard error of {args.episodes} episodes")
    print("size ", *(f"{name:>17}" for name in BASELINES))
    for size in SIZES:
        env = FallingRocksVectorEnv(args.episodes, copy=False, size=size)
        cells = []
        for baseline in BASELINES.values():
            returns = policies.episode_returns(env, baseline(env), args.seed)
            error = returns.std(ddof=1) / np.sqrt(args.episodes)
            cells.append(f"{returns.mean():.3f} ± {error:.3f}")
        print(f"{size:<5}", *(f"{cell:>17}" for cell in cells))


if __name__ == "__main__":
    main()
