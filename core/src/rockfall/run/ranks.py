"""What each process of a run on several devices has of its own in a checkpoint."""

from __future__ import annotations

from typing import Any, Protocol

from rockfall.errors import CheckpointError
from rockfall.kit.randomness import fork_rng, random_state, seed_of
from rockfall.run.directory import Record


class Going(Protocol):
    """What of a run matters here."""

    seed: int
    record: Record

    @property
    def name(self) -> str: ...
    def warn(self, message: str) -> None: ...


def own_part(saved: dict[str, Any], rank: int, size: int, run: Going) -> dict[str, Any]:
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
        with fork_rng(seed_of(run.seed, rank, saved["step"])):
            return {**saved, "random": random_state()}
    own_of = others[rank - 1]
    position = {**saved["position"], "endings": own_of["endings"]}
    kept = {**saved["kept"], **own_of["kept"]}
    own_state = {"random": own_of["random"], "state": own_of["state"]}
    return {**saved, **own_state, "position": position, "kept": kept}


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"
