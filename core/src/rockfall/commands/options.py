"""Options and argument forms that several verbs share."""

from __future__ import annotations

import click

from rockfall.errors import UsageError

as_json = click.option("--json", "as_json", is_flag=True, help="for programs")


every = click.option(
    "--checkpoint-every",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    help="seconds between checkpoints",
)

SEED = click.IntRange(0, 2**63 - 1)
"""What every generator takes."""


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
