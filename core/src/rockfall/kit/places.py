"""Which of several processes that train together this one is, and how they find each other."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from rockfall.errors import UsageError
from rockfall.kit.parallel import ALONE, ProcessGroup, World, prefixed

STORE = "ROCKFALL_STORE"
"""The file by which the processes that `rockfall.kit.launching` starts find each other."""
LAUNCHER = "ROCKFALL_LAUNCHER"
"""The process that started them."""
RESTARTS = "TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"


@dataclass(frozen=True)
class Place:
    """Which of a run's processes this one is. local: its number among those of this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    _joined: ClassVar[ProcessGroup | None] = None

    @classmethod
    def find(cls, devices: int | None = None) -> Place:
        """By the environment variables of torchrun, or of `srun` if `devices` are asked for.

        Raises UsageError if there are not so many.
        """
        found = cls()
        if {"RANK", "WORLD_SIZE"} <= os.environ.keys():
            found = cls(*(_number(name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
        elif devices and _number("SLURM_STEP_NUM_TASKS") > 1:
            slurm = "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"
            found = cls(*map(_number, slurm))
        if not 0 <= found.rank < found.size:
            raise UsageError(f"rank {found.rank} of {found.size} processes: RANK is less")
        if devices and devices != found.size:
            raise UsageError(
                f"devices={devices}, and this is one of {found.size} processes: start as many by "
                f"`rockfall train … --devices {devices}`, torchrun or srun"
            )
        return found

    def device(self, name: str) -> str:
        """A device's name → that of this process's: `auto` and `cuda` are its own GPU."""
        kind = name.partition(":")[0]
        if self.size == 1 or kind not in ("auto", "cuda"):
            return name
        if kind == "cuda" or torch.cuda.is_available():
            return f"cuda:{self.local}"
        return "cpu"

    @property
    def restarted(self) -> bool:
        """Whether the same command was started before, and a process of it died."""
        return self.size > 1 and any(_number(name) > 0 for name in RESTARTS)

    def check_name(self, name: str) -> None:
        """Raises UsageError for a run that would not be found again when it is restarted."""
        if self.size > 1 and not name and _number("TORCHELASTIC_MAX_RESTARTS") > 0:
            raise UsageError("torchrun may restart it: give it a --name by which it is found again")

    @contextlib.contextmanager
    def joined(self) -> Iterator[World]:
        """While open, the processes can talk. One that fails tells the others why."""
        if self.size == 1 or Place._joined is not None:
            yield Place._joined or ALONE
            return
        world = Place._joined = ProcessGroup(self.rank, self.size, _store(self))
        try:
            yield world
        except BaseException as error:
            world.tell(error)
            raise
        finally:
            Place._joined = None
            world.leave()


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else 0


def _store(place: Place) -> Any:
    """Where the processes leave word for each other."""
    stores: Any = torch.distributed
    if STORE in os.environ:
        return stores.FileStore(os.environ[STORE], place.size)
    if "SLURM_PROCID" in os.environ and "MASTER_ADDR" not in os.environ:
        host = _first_host(os.environ.get("SLURM_STEP_NODELIST", "127.0.0.1"))
        port = 20_000 + _number("SLURM_JOB_ID") % 20_000
    else:
        host, port = os.environ.get("MASTER_ADDR", "127.0.0.1"), _number("MASTER_PORT")
    theirs = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = stores.TCPStore(host, port, place.size, is_master=place.rank == 0 and not theirs)
    return prefixed(f"rockfall/{_number(RESTARTS[0])}", store)


def _first_host(nodes: str) -> str:
    """Of Slurm's list of nodes: `node[03-05,9],other` → `node03`."""
    found = re.match(r"([^\[,]*)(?:\[(\w+))?", nodes)
    return "".join(filter(None, found.groups())) if found else nodes


def orphaned() -> bool:
    """Whether the process that started this one, and would end it, is gone."""
    return LAUNCHER in os.environ and os.getppid() != _number(LAUNCHER)
