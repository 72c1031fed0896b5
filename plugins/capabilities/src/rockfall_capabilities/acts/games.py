"""Whole games, moment by moment: what there is to see when somebody plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rockfall.kit.environments.batched import BatchedEnvironment, Frame
from rockfall.sources.environment import Policy


@dataclass(frozen=True)
class Moment:
    """The games after a step; one that is over stays as it ended.

    frames: what each looks like; empty if nobody looks.
    """

    frames: tuple[Frame, ...]
    scores: tuple[float, ...]
    steps: tuple[int, ...]
    over: tuple[bool, ...]


def play(
    batch: BatchedEnvironment, choose: Policy, *, most_steps: int, seen: bool
) -> Iterator[Moment]:
    """One game an environment, from its first moment to the one in which the last game ends.

    most_steps: where a game is cut off, which leaves it not `over`.
    seen: whether to render, which the batch must have been made for.
    """
    count = batch.num_envs
    frames = tuple(batch.render()) if seen else ()
    now = Moment(frames, (0.0,) * count, (0,) * count, (False,) * count)
    yield now
    for _ in range(most_steps):
        if all(now.over):
            return
        step = batch.step(choose(batch.observation))
        ended = (step.terminated | step.truncated).tolist()
        rewards = step.reward.tolist()
        going = [not over for over in now.over]
        now = Moment(
            _frames(batch, now) if seen else (),
            tuple(s + r * on for s, r, on in zip(now.scores, rewards, going, strict=True)),
            tuple(n + on for n, on in zip(now.steps, going, strict=True)),
            tuple(over or end for over, end in zip(now.over, ended, strict=True)),
        )
        yield now


def _frames(batch: BatchedEnvironment, before: Moment) -> tuple[Frame, ...]:
    """What each game looks like now. An environment that ended shows its next game already."""
    current, last = batch.render(), batch.ended()
    return tuple(
        old if over else final if final is not None else new
        for old, over, new, final in zip(before.frames, before.over, current, last, strict=True)
    )
