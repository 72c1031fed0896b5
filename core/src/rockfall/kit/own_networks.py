"""A network of the user's own in a model's place for one: `encoder=mymodule:Encoder`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.blame import in_words
from rockfall.kit.modules import eval_mode
from rockfall.kit.randomness import fork_rng
from rockfall.kit.trust import module_of, require_typed

__all__ = ["own_network"]


def own_network(
    setting: str, text: str, given: tuple[int, ...], wanted: tuple[int, ...], *, call: str
) -> nn.Module:
    """The network of `module:Name`, a class or function of a file beside you or of an installed
    module, called as `Name(given, wanted)`.

    setting: its name, for errors. given, wanted: shapes of one input and one output, without the
    batch. call: how it is called, in words, such as `Encoder(shape, outputs)`.
    Raises UsageError if it is not there, does not fit, or is named by a file: see
    `rockfall.kit.trust`.
    """
    build = _found(setting, text, call)
    try:
        network = build(*(shape[0] if len(shape) == 1 else shape for shape in (given, wanted)))
    except RockfallError:
        raise
    except Exception as error:  # code of anybody's
        raise UsageError(f"{setting}={text} as {call}: {in_words(error)}") from error
    if not isinstance(network, nn.Module):
        raise UsageError(f"{setting}={text} gave {type(network).__name__}, and not a torch Module")
    try:
        with fork_rng(), eval_mode(network):
            output = network(torch.zeros(2, *given))
    except Exception as error:
        raise UsageError(
            f"{setting}={text} with inputs (N, {_of(given)}): {in_words(error)}"
        ) from (error)
    shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
    if shape != (2, *wanted):
        raise UsageError(
            f"{setting}={text} gave {shape} for two inputs, and it should be (2, {_of(wanted)})"
        )
    return network


def _found(setting: str, text: str, call: str) -> Callable[..., Any]:
    from rockfall.kit.environments.packages import import_beside

    module, _, name = text.rpartition(":")
    if not module_of(text) or not name.isidentifier():
        raise UsageError(
            f"{setting}={text}: write module:Name, of a {call} in module.py beside you"
        )
    require_typed(text)
    try:
        import_beside(module)
    except ModuleNotFoundError as error:
        raise UsageError(f"{setting}={text}: {error}, in this folder or installed") from None
    imported = sys.modules[module]
    found = getattr(imported, name, None)
    if not callable(found):
        there = [each for each, value in vars(imported).items() if inspect.isclass(value)]
        has = f", which has {', '.join(there[:5])}" if there else ""
        raise UsageError(f"{setting}={text}: there is no {name} in {module}{has}")
    build: Callable[..., Any] = found
    return build


def _of(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
