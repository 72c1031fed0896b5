"""What each process of a run on several devices has of its own in a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rockfall.errors import CheckpointError
from rockfall.kit.randomness import fork_rng, random_state

if TYPE_CHECKING:
    from rockfall.run.run import Run


def own_part(saved: dict[str, Any], rank: int, size: int, run: Run) -> dict[str, Any]:
    """A checkpoint as a rank takes it: with its own random numbers, environments and values.

    Raises CheckpointError where a run on another number of devices can't go on: what the devices
    hold of their own, such as environments, can't be divided anew.
    """
    others: list[dict[str, Any]] = saved.get("ranks", [])
    if len(others) + 1 != size:
        before = f"{run.name} learned on {_devices(len(others) + 1)}, not on {_devices(size)}"
        own = sorted({name for other in others for name in other["kept"]})
        if own or run.record.info.get("action_space") is not None:
            held = ", ".join(own) or "its environments"
            raise CheckpointError(f"{before}: it can't go on so, as each holds a part of {held}")
        run.warn(f"{before}: its figures will be alike, but not bit for bit")
    if not rank:
        return saved
    if rank > len(others):
        with fork_rng(rank_seed(run.seed, rank, saved["step"])):
            return {**saved, "random": random_state()}
    own_of = others[rank - 1]
    position = {**saved["position"], "endings": own_of["endings"]}
    kept = {**saved["kept"], **own_of["kept"]}
    own_state = {"random": own_of["random"], "state": own_of["state"]}
    return {**saved, **own_state, "position": position, "kept": kept}


def rank_seed(*words: int) -> int:
    """A seed of these numbers, which has nothing to do with those of others."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"
