"""Runs of a stable-baselines3 agent, outside of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import rockfall
from rockfall.building import build_config, build_model
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.testing.rehearsal import StoppedForTest, StoppingRun

AGENTS = ("dqn", "ppo", "a2c")
CONTINUOUS = ("sac", "td3")


def record_for(
    agent: str, source: str, options: Mapping[str, Any] | None = None, **settings: Any
) -> Record:
    """`rockfall train AGENT SOURCE --preset tiny`, seed 5."""
    spec = registry().models.find(agent).spec
    config = build_config(spec.load(), agent, source, "tiny", settings)
    return Record(
        model=f"rockfall-agents:{agent}",
        source=source,
        source_options=dict(options or {}),
        preset="tiny",
        config=config.model_dump(mode="json"),
        info=rockfall.open_source(source, options).info.to_json(),
        seed=5,
        device="cpu",
        precision="float32",
        threads=1,
        matmul_precision="highest",
        created="2026-01-01T00:00:00+00:00",
        versions={},
    )


def start(folder: Path, record: Record) -> RunDirectory:
    return RunDirectory.create(folder, "", "run", record)


def fit(directory: RunDirectory, stop_at: int | None = None) -> Run:
    """Train, or go on, saving after every iteration; as if killed before iteration `stop_at`."""
    torch.set_num_threads(1)
    record = directory.record()
    run = StoppingRun(directory, record, build_model(record), checkpoint_every=0, stop_at=stop_at)
    if directory.checkpoint("last").exists():
        seed_everything(1234)  # as in a process that did something before
        run.resume()
    with contextlib.suppress(StoppedForTest):
        run.model.fit(rockfall.open_source(record.source, record.source_options), run)
        run.save("last")
    return run
