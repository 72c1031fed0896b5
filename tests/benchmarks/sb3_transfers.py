"""Where the environments of stable-baselines3's agents belong when the policy is on a GPU.

PPO collects the rollouts of its preset for 16 × 16 with its environments on the CPU, and with the
tensor form on the device, whose observations, rewards and ends are then fetched, since `VecEnv` is
NumPy's. Counted are, a step of all environments, how often the CPU waits for the device, which are
the transfers, and the operations of torch, each a launch or more. Without a GPU both are counted on
the conformance kit's pretend device. Episodes end within the rollouts in both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import time
import warnings
from typing import Any

import torch
from stable_baselines3 import PPO
from torch.utils._python_dispatch import TorchDispatchMode

import rockfall
from rockfall.kit.environments import BatchedEnvironment, Step
from rockfall.sources.environment import Environment
from rockfall.testing.pretend import pretend_device
from rockfall_agents.ppo import Ppo, PpoConfig
from tests.benchmarks.report import Table, script

SOURCE = "falling-rocks-16x16"
ROLLOUTS = 4
"""Of half an episode each."""


class Fetched:
    """A batch on the device, as stable-baselines3 needs it: with tensors on the CPU."""

    def __init__(self, batch: BatchedEnvironment) -> None:
        self.batch, self.num_envs = batch, batch.num_envs

    def reset(self, seed: int | None = None) -> torch.Tensor:
        return self.batch.reset(seed).cpu()

    def step(self, actions: torch.Tensor) -> Step:
        step = self.batch.step(actions.to("cuda"))
        observation = step.observation.cpu()
        same = step.final_observation is step.observation
        final = observation if same else step.final_observation.cpu()
        # The three small parts as one transfer.
        reward, terminated, truncated = torch.stack(
            [step.reward, step.terminated.float(), step.truncated.float()]
        ).cpu()
        return Step(observation, reward, terminated.bool(), truncated.bool(), final)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)


class Operations(TorchDispatchMode):
    """Counts the operations that are more than another view of a tensor."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


class Gpu:
    """A real one, with the count of a pretend device."""

    def __init__(self) -> None:
        self.synchronisations = 0
        torch.cuda.set_sync_debug_mode("warn")
        warnings.simplefilter("always")
        warnings.showwarning = self._count

    def _count(self, message: Any, *_: Any) -> None:
        self.synchronisations += "synchroniz" in str(message)


def collect(where: str, device: Any) -> list[Any]:
    """A row: waits, operations and microseconds a step of all environments."""
    source = rockfall.open_source(SOURCE)
    assert isinstance(source, Environment)
    config = PpoConfig.build("ppo", {**Ppo.presets[SOURCE]})
    model = Ppo(config, source.info).to("cuda")
    run = rockfall.Run.unrecorded(model, source.info, device="cuda")
    made = source.batch

    def batch(num_envs: int, **settings: Any) -> Any:
        if where == "CPU":
            return made(num_envs, **settings)
        return Fetched(made(num_envs, **{**settings, "device": "cuda"}))

    steps = config.rollout_steps
    source.batch = batch  # type: ignore[method-assign]
    with model.learner(PPO, source, run, 10**6, n_steps=steps) as (ppo, rollouts):
        for _ in range(2):  # the first may make what is kept
            rollouts(ppo.rollout_buffer, steps)
        waits, begun = device.synchronisations, time.perf_counter()
        for _ in range(ROLLOUTS):
            rollouts(ppo.rollout_buffer, steps)
        waits, seconds = device.synchronisations - waits, time.perf_counter() - begun
        with Operations() as operations:
            for _ in range(ROLLOUTS):
                rollouts(ppo.rollout_buffer, steps)
    a_step = ROLLOUTS * steps
    return [where, waits / a_step, operations.count / a_step, seconds * 1e6 / a_step]


def measure(options: argparse.Namespace) -> list[Table]:
    real = torch.cuda.is_available()
    with contextlib.nullcontext(Gpu()) if real else pretend_device() as device:
        rows = [collect(where, device) for where in ("CPU", "GPU")]
    if not real:
        for row in rows:
            row[-1] = "unknown"
    counted = "on a GPU" if real else "on the pretend device"
    return [
        Table(
            f"PPO of stable-baselines3 collecting, counted {counted}",
            ["environments on the", "waits a step", "operations a step", "µs a step"],
            rows,
            f"On the GPU each step of all environments waits {rows[1][1] - rows[0][1]:.1f} times "
            f"more and takes {rows[1][2] - rows[0][2]:.0f} more operations.",
        )
    ]


if __name__ == "__main__":
    script(__doc__, measure)
