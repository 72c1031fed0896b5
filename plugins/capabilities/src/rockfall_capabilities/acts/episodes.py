"""Whole episodes, step by step: what there is to show when a policy plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rockfall.kit.environments import BatchedEnvironment, Frame, Policy, episodes_ended


@dataclass(frozen=True)
class EpisodeStates:
    """Episodes side by side after a step; one that is over stays as it ended.

    frames: each as rendered; empty where nothing is rendered. scores: the returns so far.
    steps: steps taken. over: whether it was terminated or truncated by the environment.
    """

    frames: tuple[Frame, ...]
    scores: tuple[float, ...]
    steps: tuple[int, ...]
    over: tuple[bool, ...]


def step_episodes(
    batch: BatchedEnvironment, policy: Policy, *, max_steps: int, render: bool
) -> Iterator[EpisodeStates]:
    """One episode an environment, from its reset to the step in which the last of them ends.

    max_steps: where an episode is cut off, which leaves it not `over`.
    render: whether to render, which the batch must have been made for.
    """
    count = batch.num_envs
    frames = tuple(batch.render()) if render else ()
    now = EpisodeStates(frames, (0.0,) * count, (0,) * count, (False,) * count)
    yield now
    for _ in range(max_steps):
        if all(now.over):
            return
        step = batch.step(policy(batch.observation))
        done = step.terminated | step.truncated
        episodes_ended(policy, done)
        ended = done.tolist()
        rewards = step.reward.tolist()
        running = [not over for over in now.over]
        now = EpisodeStates(
            _frames(batch, now) if render else (),
            tuple(s + r * on for s, r, on in zip(now.scores, rewards, running, strict=True)),
            tuple(n + on for n, on in zip(now.steps, running, strict=True)),
            tuple(over or end for over, end in zip(now.over, ended, strict=True)),
        )
        yield now


def _frames(batch: BatchedEnvironment, before: EpisodeStates) -> tuple[Frame, ...]:
    """What each episode looks like now. An environment that ended already renders its next one."""
    current, last = batch.render(), batch.ended()
    return tuple(
        old if over else final if final is not None else new
        for old, over, new, final in zip(before.frames, before.over, current, last, strict=True)
    )
