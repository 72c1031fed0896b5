"""`rockfall sample RUN`: new examples from a trained model, and how they come about."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say, wrote
from rockfall.plugin import has_capability, registry
from rockfall.verbs import SEED, as_json, check_new_file, complete, new_file
from rockfall_capabilities.samples.files import (
    ARRAYS,
    check_target,
    is_folder,
    save_arrays,
    save_folder,
)
from rockfall_capabilities.samples.training_film import film_of_training
from rockfall_capabilities.writes.writing import write

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from rockfall import Run


@click.command("sample")
@click.argument("run", shell_complete=complete("runs"))
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 4096),
    help="how many; default: 64 pictures, 2000 numbers or points",
)
@click.option(
    "--class", "classes", multiple=True, metavar="NAME[,…]", help="of these classes alone"
)
@click.option("--seed", type=SEED, help="which examples; default: 0")
@click.option(
    "--out",
    metavar="FILE|FOLDER/",
    help="the picture to write; a FOLDER/ for single pictures, or arrays as FILE.npz; default: "
    "RUN-samples.png, or none with --gif",
)
@new_file("--gif", ".gif", help="write a film of how they come about, step by step")
@click.option(
    "--animate",
    is_flag=True,
    help="write a film of the same noise through training; default: RUN-training.gif",
)
@click.option("--prompt", help="of a model of text: what it goes on from, -n symbols; default: 500")
@click.option(
    "--temperature",
    type=click.FloatRange(0, 10),
    help="of text: below 1 likelier symbols, 0 the likeliest alone; default: 1",
)
@as_json
def command(
    run: str,
    count: int | None,
    classes: tuple[str, ...],
    seed: int | None,
    out: str | None,
    gif: Path | None,
    animate: bool,
    prompt: str | None,
    temperature: float | None,
    as_json: bool,
) -> None:
    """Draw new examples from RUN's model, and write them as one picture, as single ones, as arrays
    or as a film; or print the text with which it goes on from --prompt.

    Numbers, and points in the plane, are shown beside the data's. --class is for models that sample
    by class, --gif for those that sample in steps. --animate shows what the run left while it
    learned.
    """
    pictured: dict[str, object] = {
        "--class": classes or None,
        "--out": out,
        "--gif": gif,
        "--animate": animate or None,
    }
    if prompt is not None or temperature is not None or _writes(run):
        for option, value in pictured.items():
            if value is not None:
                raise UsageError(f"text is printed, so leave {option} out")
        temperature = 1.0 if temperature is None else temperature
        write(run, prompt or "", count, temperature, seed or 0, as_json)
    elif animate:
        given = {"-n": count, "--class": classes or None, "--seed": seed, "--out": out}
        for option, value in given.items():
            if value is not None:
                raise UsageError(f"--animate shows what the run left, so leave {option} out")
        film_of_training(run, gif, as_json)
    else:
        target = None if out is None else check_target(out)
        _sample(run, count, classes, seed or 0, target, gif, as_json)


def _sample(
    run: str,
    count: int | None,
    classes: tuple[str, ...],
    seed: int,
    out: Path | None,
    gif: Path | None,
    as_json: bool,
) -> None:
    from rockfall import eval_mode, fork_rng
    from rockfall.kit import pictures
    from rockfall.kit.drawing import are_points, as_sheet, require_pictures, save_film
    from rockfall.kit.progress import counted
    from rockfall.verbs import open_capable
    from rockfall_capabilities.samples.pictures import POINTS, SAMPLES

    opened = open_capable(run, "samples")
    model: Any = opened.model
    info = opened.record.info
    of_points = are_points(info["shape"], info["dtype"])
    as_arrays = out is not None and out.suffix.lower() == ARRAYS
    singly = out is not None and not as_arrays and is_folder(out)
    if singly or not (of_points or as_arrays):
        require_pictures(f"the examples of {opened.name}", info["shape"], info["dtype"])
    in_steps = _can(opened, "samples-in-steps")
    if gif and not in_steps:
        raise UsageError(
            f"{opened.name} does not sample in steps, so there is no film of it: leave --gif out"
        )
    if gif and classes:
        raise UsageError("there is no film of chosen classes: leave --class or --gif out")
    count = count or (POINTS if of_points else SAMPLES)
    shares = _shares(opened, classes, count)
    if not (out or gif):
        out = check_new_file(Path(f"{opened.name}-samples.png"), ".png")
    draw = _beside_the_data(opened) if of_points else as_sheet
    with fork_rng(seed), eval_mode(model):
        if shares:
            samples = model.sample_of(_labels(shares, opened))
        elif in_steps:  # which can be counted, where `sample` says nothing until it is done
            steps = counted(model.sample_steps(count), None, "sampling steps")
            samples = save_film(gif, steps, draw) if gif else deque(steps, maxlen=1).pop()
        else:
            samples = model.sample(count)
    labels = [name for name, of_it in shares.items() for _ in range(of_it)]
    if out and as_arrays:
        save_arrays(out, samples, labels)
    elif out and singly:
        save_folder(out, samples, labels)
    elif out:
        drawn = draw(samples) if of_points or len(shares) < 2 else _by_class(samples, shares)
        pictures.save(out, drawn)
    if as_json:
        files = {
            "out" if as_arrays or singly else "picture": str(out) if out else None,
            "gif": str(gif) if gif else None,
        }
        chosen = {"classes": shares} if shares else {}
        print_json({"run": opened.name, "count": count, "seed": seed, **chosen, **files})
    else:
        name = opened.directory.address
        kinds = f" of {', '.join(shares)}" if shares else ""
        say(f"{count} example{'s' if count > 1 else ''}{kinds} by {opened.name}, seed {seed}")
        if out:
            say(f"wrote {out}{os.sep if singly else ''}")
        if gif:
            say(wrote(gif))
        say(f"next: rockfall sample {name} --seed {seed + 1}  ·  rockfall show {name}")


def _writes(run: str) -> bool:
    """Whether its model goes on with text, and draws no examples otherwise."""
    from rockfall.verbs import find_run

    model = registry().models.get(find_run(run).record().model)
    return model is not None and "writes" in model.spec.capabilities


def _can(run: Run, capability: str) -> bool:
    return has_capability(registry().models.find(run.record.model).spec, capability)


def _shares(run: Run, classes: tuple[str, ...], count: int) -> dict[str, int]:
    """How many examples of each class in `classes`, in that order.

    Raises UsageError for a model that does not sample by class, an unknown class, and more classes
    than examples.
    """
    from rockfall.kit.classes import find_class, unknown_class

    if not classes:
        return {}
    if not _can(run, "samples-by-class"):
        raise UsageError(f"{run.name} does not sample by class: leave --class out")
    info = run.record.info
    chosen = []
    for words in classes:
        whole = find_class(info["classes"], words) is not None  # a class may have a comma
        for word in [words] if whole else words.split(","):
            label = find_class(info["classes"], word.strip())
            if label is None:
                raise unknown_class(run.record.source, info["classes"], word.strip())
            chosen.append(info["classes"][label])
    chosen = list(dict.fromkeys(chosen))
    if len(chosen) > count:
        raise UsageError(f"-n {count} is too few for {len(chosen)} classes")
    each, more = divmod(count, len(chosen))
    return {name: each + (place < more) for place, name in enumerate(chosen)}


def _labels(shares: dict[str, int], run: Run) -> Tensor:
    import torch

    classes = run.record.info["classes"]
    labels = [classes.index(name) for name, count in shares.items() for _ in range(count)]
    return torch.tensor(labels, device=run.device)


def _by_class(samples: Tensor, shares: dict[str, int]) -> Image.Image:
    from rockfall.kit.drawing import sheet

    parts = samples.split(list(shares.values()))
    return sheet(list(zip(shares, parts, strict=True)))


def _beside_the_data(run: Run) -> Any:
    """A function that draws points beside as many of the run's source."""
    import functools

    from rockfall.kit.drawing import compare_points
    from rockfall_capabilities.samples.pictures import POINTS

    source: Any = run.record.open_source()
    return functools.partial(compare_points, data=source.train.evenly_spaced(POINTS).inputs)
