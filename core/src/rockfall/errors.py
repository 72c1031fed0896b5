"""Errors that are meant to be read by a person: one line, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class RockfallError(Exception):
    """Something went wrong that the user can do something about.

    `str(error)` is the one line that the command line prints. `exit_code` is what it exits with:
    1 failed, 2 wrong usage, 130 interrupted.
    """

    exit_code = 1


class UsageError(RockfallError):
    """A wrong name, option or combination of them."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that nothing was registered under."""


class AmbiguousName(UsageError):
    """A bare name that two distributions registered."""


class ConfigError(UsageError):
    """Settings that don't fit; holds every complaint at once in `problems`."""

    def __init__(self, subject: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{subject}: " + "; ".join(problems))


class CheckpointError(RockfallError):
    """A checkpoint that is damaged, foreign, or from a newer version."""


class PluginError(RockfallError):
    """A plugin's code that can't be imported, or that breaks the contract; names the plugin."""


class Unavailable(RockfallError):
    """Data that is not on this machine and could not be had from anywhere."""


class Diverged(RockfallError):
    """A metric stopped being a finite number."""


class Interrupted(RockfallError):
    """The run was stopped by a signal, between two steps, after saving a checkpoint."""

    exit_code = 130


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean mlp?"` for the known name nearest to `word`, or an empty string."""
    import difflib

    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.5)
    return f"; did you mean {names[near[0]]}?" if near else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Python's own error, and torch's: one for accelerators, which is a RuntimeError as well, and
    one for the CPU, which is known by its message alone.
    """
    messages = ("out of memory", "can't allocate memory")
    torchs = isinstance(error, RuntimeError) and any(each in str(error) for each in messages)
    return torchs or isinstance(error, MemoryError)
