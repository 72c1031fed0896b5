"""Options and argument forms that several verbs share."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import click

from rockfall.errors import UsageError
from rockfall.kit.answers import answering


def as_json(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--json`, which it takes as `as_json`: one JSON document for programs.

    With it, what `rockfall.kit.console` prints is all that reaches standard output.
    """

    @functools.wraps(function)
    def command(*, as_json: bool, **given: Any) -> None:
        with answering() if as_json else contextlib.nullcontext():
            function(as_json=as_json, **given)

    return click.option("--json", "as_json", is_flag=True, help="for programs")(command)


every = click.option(
    "--checkpoint-every",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    help="seconds between checkpoints",
)

on_devices = click.option(
    "--devices",
    type=click.IntRange(1, 1024),
    help="learn on so many devices at once, a process for each",
)

SEED = click.IntRange(0, 2**63 - 1)
"""What every generator takes."""

SIDE = click.IntRange(1, 8000)
"""Pixels along the longer side of a picture that a verb makes."""

TRAINING = {
    "preset": click.option(
        "--preset", help="a named set of settings; default: the one named like the source"
    ),
    "seed": click.option("--seed", type=SEED, default=0, show_default=True),
    "device": click.option(
        "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps"
    ),
    "precision": click.option(
        "--precision", default="auto", show_default=True, help="float32, bf16, fp16"
    ),
    "threads": click.option(
        "--threads", type=click.IntRange(1), help="CPU threads; default: the model's own choice"
    ),
    "deterministic": click.option(
        "--deterministic", is_flag=True, help="the same figures every time on CUDA too, but slower"
    ),
    "name": click.option("--name", default="", help="of the run; default: MODEL-SOURCE-number"),
    "checkpoint_every": every,
}
"""How to train, whatever it is: options of a verb, and arguments of `rockfall.train`."""


def trains(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `TRAINING`, which it takes together as a dict, `how`."""

    @functools.wraps(function)
    def command(**given: Any) -> None:
        how = {name: given.pop(name) for name in TRAINING}
        function(how=how, **given)

    decorated: Callable[..., None] = command
    for option in reversed(TRAINING.values()):
        decorated = option(decorated)
    return decorated


def source_options(pairs: tuple[str, ...]) -> dict[str, str]:
    """`source.key=value` words as the source's options. Raises UsageError for any other word."""
    settings, options = key_values(pairs)
    for name, value in settings.items():
        raise UsageError(
            f"{name}={value} is a model's setting; a source's is source.{name}={value}"
        )
    return options


def key_values(pairs: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Split `key=value` words into (model settings, source options).

    Raises UsageError for a word without `=`, and for a key given twice.
    """
    settings: dict[str, str] = {}
    source: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{pair!r} is not key=value; a source comes right after the model")
        into, dot, name = key.rpartition(".")
        if dot and into != "source":
            raise UsageError(
                f"{key}: write a model's setting as key=value, a source's as source.key=value"
            )
        words = source if into else settings
        if name in words:
            raise UsageError(f"{key} is given twice")
        words[name] = value
    return settings, source
