"""What is looked at: a drawing, a picture, an example, the steps of a game, or numbers; and what
every layer makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from rockfall import UsageError
from rockfall_studio.asks import Answer, answers
from rockfall_studio.studio import Studio
from rockfall_studio.uploads import prepare_picture
from rockfall_studio.views.see.planes import planes
from rockfall_studio.views.see.runs import MAX_SHEET
from rockfall_studio.views.see.seen import OfRun, Seen, looking, raw

if TYPE_CHECKING:
    from torch import Tensor

MOST_STEPS = 1000
"""Of a game that is stepped through."""
MOST_BYTES = 8 * 2**20
"""Of the observations of one."""


class Look(OfRun):
    """first: of layers by name, the unit from which on they are shown."""

    first: dict[str, int] = Field(default_factory=dict, max_length=500)


def seen_by(seen: Seen, inputs: Tensor, first: dict[str, int], **more: Any) -> Answer:
    """What a model makes of one input (1, *shape).

    data: layers, as `planes` tells of them; probabilities of the classes; and what else is said.
    planes: the input's bytes, which the page sends with whatever it asks about it; of a picture, it
    (H, W, C), else nothing; and those of `planes`.
    """
    told, drawn = planes(seen.layers(inputs), first)
    data = {"layers": told, "probabilities": seen.probabilities(inputs), **more}
    return Answer(data, [raw(inputs), picture_of(inputs[0]), *drawn])


def picture_of(given: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(C, H, W) uint8 with 1 or 3 channels → (H, W, C); of anything else, nothing."""
    if str(given.dtype) != "torch.uint8" or given.ndim != 3 or given.shape[0] not in (1, 3):
        return np.zeros((0, 0, 1), np.uint8)
    return given.permute(1, 2, 0).contiguous().cpu().numpy()


class Draw(Look):
    """attached: a square sheet of so many pixels a side, a byte each, 255 for paper."""

    side: int = Field(ge=8, le=MAX_SHEET)


@answers("see.draw")
def draw(studio: Studio, ask: Draw) -> Answer:
    """data: also changes, in words: how the sheet became an input."""
    from PIL import Image

    from rockfall.kit.preparation import preparation_of, prepare

    if len(ask.attached) != ask.side**2:
        raise UsageError(f"a sheet of {ask.side} × {ask.side} is {ask.side**2:,} bytes")
    sheet = Image.frombytes("L", (ask.side, ask.side), ask.attached)
    with looking(studio, ask.run) as seen:
        _require_pictures(seen)
        done = prepare(sheet, preparation_of(seen.info))
        inputs = done.pixels[None].to(seen.opened.run.device)
        return seen_by(seen, inputs, ask.first, changes=done.changes())


class Picture(Look):
    """attached: a picture's file."""


@answers("see.picture")
def picture(studio: Studio, ask: Picture) -> Answer:
    """data: also changes, in words: how the picture became an input."""
    with looking(studio, ask.run) as seen:
        _require_pictures(seen)
        done = prepare_picture(ask.attached, seen.info)
        inputs = done.pixels[None].to(seen.opened.run.device)
        return seen_by(seen, inputs, ask.first, changes=done.changes())


class Example(Look):
    """index: of the test split."""

    index: int = Field(ge=0)


@answers("see.example")
def example(studio: Studio, ask: Example) -> Answer:
    """data: also label, the class's name or empty, index, and count of the test split."""
    from rockfall import Dataset

    with looking(studio, ask.run) as seen:
        source = seen.opened.source
        if not isinstance(source, Dataset):
            raise UsageError(f"{source.info.name} has no examples: it is played")
        index = ask.index % len(source.test)
        inputs, labels = source.test[index : index + 1]
        label, classes = int(labels[0]), seen.info.classes
        name = classes[label] if 0 <= label < len(classes) else ""
        more = {"label": name, "index": index, "count": len(source.test), "changes": []}
        return seen_by(seen, inputs, ask.first, **more)


class Input(Look):
    """attached: the input's bytes."""


@answers("see.input")
def given(studio: Studio, ask: Input) -> Answer:
    """Of an input that the page has, such as a game's observation."""
    with looking(studio, ask.run) as seen:
        return seen_by(seen, seen.inputs(ask.attached), ask.first, changes=[])


class Game(OfRun):
    """seed: of the episode."""

    seed: int = Field(0, ge=0, lt=2**32)


@answers("see.game")
def game(studio: Studio, ask: Game) -> Answer:
    """An episode that the model plays by its final policy.

    data: rewards after each step, and actions, as text. planes: the observations' bytes (T, B).
    """
    from rockfall import Environment
    from rockfall.kit.environments import ModelPolicy, episodes_ended

    with looking(studio, ask.run) as seen:
        source = seen.opened.source
        if not isinstance(source, Environment) or not seen.can("acts"):
            raise UsageError(f"{ask.run} plays no game")
        batch = source.in_one_process().batch(1, device=seen.opened.run.device, seed=ask.seed)
        policy = ModelPolicy(seen.model)
        observations, actions, rewards = [raw(batch.observation)], [], []
        most = min(MOST_STEPS, MOST_BYTES // max(1, len(observations[0])))
        try:
            while len(observations) <= most:
                action = policy(batch.observation)
                step = batch.step(action)
                done = step.terminated | step.truncated
                episodes_ended(policy, done)
                actions.append(_words(action[0]))
                rewards.append(float(step.reward[0]))
                if bool(done[0]):
                    break
                observations.append(raw(batch.observation))
        finally:
            batch.close()
    return Answer({"actions": actions, "rewards": rewards}, [np.stack(observations)])


def _words(action: Tensor) -> str:
    if action.ndim == 0 and not action.is_floating_point():
        return str(int(action))
    return ", ".join(f"{value:.3g}" for value in action.flatten().tolist())


def _require_pictures(seen: Seen) -> None:
    info = seen.info
    if len(info.shape) != 3 or info.dtype != "uint8":
        raise UsageError(f"{info.name} has no pictures, so that none can be drawn for it")
