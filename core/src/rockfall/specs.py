"""Specs: plain data that names a thing without importing it.

`rockfall list`, `--help` and completion read these and nothing else. `load()` imports the target.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any, ClassVar

from rockfall.kit.blame import loading

NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
TARGET = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


FIELDS: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": lambda value: type(value) is int,
    "tuple[str, ...]": lambda value: isinstance(value, tuple) and all(map(_is_text, value)),
    "Mapping[str, str]": lambda value: (
        isinstance(value, Mapping) and all(map(_is_text, (*value, *value.values())))
    ),
}
"""The types that a spec's fields have, and how to tell: `"labels"` is no tuple of text."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every registered thing has.

    name: lower case, digits, `-`, `_` and `.`; unique in its distribution.
    summary: one line for a list.
    target: `"package.module:attribute"`, imported on first use.
    """

    kind: ClassVar[str]
    listed_by: ClassVar[str] = "rockfall plugins"
    """What to type to see the names of this kind."""

    name: str
    summary: str
    target: str
    owner: ClassVar[str] = ""
    """The distribution that registered it; a catalogue tells each spec its own."""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise ValueError(
                f"{self.kind} name {self.name!r}: use lower-case letters, digits, '-', '_' and '.'"
            )
        for part in fields(self):
            value = getattr(self, part.name)
            if not FIELDS[str(part.type)](value):
                raise ValueError(
                    f"{self.kind} {self.name}: {part.name}={value!r} is not {part.type}"
                )
        summary = self.summary
        if not summary.strip() or "\n" in summary:
            raise ValueError(f"{self.kind} {self.name}: summary must be one line of text")
        check_target(f"{self.kind} {self.name}", self.target)

    @property
    def whose(self) -> str:
        """`rockfall-moves's model dances`."""
        return (
            f"{self.owner}'s {self.kind} {self.name}" if self.owner else f"{self.kind} {self.name}"
        )

    def load(self, target: str = "") -> Any:
        """Import the target, or another of its targets, and return it. Raises PluginError."""
        with loading(self.whose, target or self.target):
            return load_target(target or self.target)


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """Anything that is fitted.

    learns_from: the kinds of source it takes, such as `"labelled-pictures"`; one match is enough.
    default_source: what `rockfall train NAME` uses when no source is named; works offline.
    capabilities: names of what the trained model can do; the conformance kit checks them.
    reference: the paper or source of the method.
    devices: the kinds of device on which it computes; one in NumPy, say, on the CPU alone.
    renamed: former name → present name of a setting or of a logged metric, by which the files of
        runs that an older version recorded are read.
    """

    kind: ClassVar[str] = "model"
    listed_by: ClassVar[str] = "rockfall list models"

    learns_from: tuple[str, ...]
    default_source: str
    capabilities: tuple[str, ...] = ()
    reference: str = ""
    devices: tuple[str, ...] = ("cpu", "cuda", "mps")
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """Pictures or vectors to learn from.

    The target is called with those of the source's options that it has parameters for. `classes`,
    `limit` and `size` every dataset has: what the target does not take is done with what it returns
    (`rockfall.sources.selection`).
    """

    kind: ClassVar[str] = "dataset"
    listed_by: ClassVar[str] = "rockfall list datasets"

    kinds: tuple[str, ...]
    licence: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class PictureSpec(Spec):
    """One picture to learn from, such as a photograph or a painting.

    The target is called without arguments and returns it as (3, H, W) uint8.
    """

    kind: ClassVar[str] = "picture"
    listed_by: ClassVar[str] = "rockfall list pictures"
    kinds: ClassVar[tuple[str, ...]] = ("picture",)

    licence: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec(Spec):
    """A Gymnasium environment; importing the target's module registers `gymnasium_id`.

    baselines: policy name → target of a factory `(env) -> policy`, where `env` is the vector form
        (or the list of plain environments, if it has none that offers its state) and
        `policy(observations) -> actions` takes and gives NumPy arrays, those of a batch
        (`rockfall.kit.environments.Spaces`). `random` is always there and need not be named.
    tensor: target of a batched torch form, `(num_envs, device, **options)`; see
        `rockfall.kit.environments.TensorBatch`. Agents use it on an accelerator.
    episodes: how many episodes an evaluation plays.
    """

    kind: ClassVar[str] = "environment"
    listed_by: ClassVar[str] = "rockfall list environments"

    gymnasium_id: str
    kinds: tuple[str, ...]
    baselines: Mapping[str, str] = field(default_factory=dict)
    tensor: str = ""
    episodes: int = 100
    reference: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, target in self.baselines.items():
            check_target(f"environment {self.name}, baseline {name}", target)
        if self.tensor:
            check_target(f"environment {self.name}, tensor form", self.tensor)


@dataclass(frozen=True, kw_only=True)
class CapabilitySpec(Spec):
    """What a trained model can do; the target is a runtime-checkable `typing.Protocol`.

    verb: what is typed to use it, RUN standing for the run's name: `"classify RUN PICTURE"`.
    verb_needs: the kind that a run's source must have for the verb, `"pictures"`; empty: any.
    evaluate: target of `(model, source, *, seed, limit) -> Figures`, for `result.json`.
    pictures: target of `(model, source) -> Mapping[str, PIL.Image.Image | Tensor]`: what there is
        to see in a trained model, by name; a tensor is (C, H, W) uint8. A finished run leaves them
        as `pictures/NAME.png`, and `rockfall show` draws them anew.
    snapshots: the same for a model that is still learning: the run writes them during training as
        `pictures/NAME-STEP.png`, ever fewer and in 3 % of its time, so that a film can be
        made of them.
    compared: which of these `rockfall compare` puts side by side, if all runs have it.
    ready: target of `() -> Mapping[str, rockfall.kit.ready.Ready]`: what has the capability without
        being trained here, such as published weights, by name.
    derived: other keys of its measurements → what the number is, such as `% of the best`.
    check: target of `(model, source) -> None`, the conformance kit's test of the behaviour.
    renamed: former name → present name of a figure, by which the results of older runs are read.
    """

    kind: ClassVar[str] = "capability"
    listed_by: ClassVar[str] = "rockfall list capabilities"

    verb: str = ""
    verb_needs: str = ""
    evaluate: str = ""
    pictures: str = ""
    snapshots: str = ""
    compared: str = ""
    ready: str = ""
    derived: Mapping[str, str] = field(default_factory=dict)
    check: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """A verb of the command line; the target is a `click.Command`.

    section: the heading under which `rockfall --help` lists it.
    """

    kind: ClassVar[str] = "command"
    listed_by: ClassVar[str] = "rockfall --help"

    section: str = "More"


@dataclass(frozen=True, kw_only=True)
class OpenerSpec(Spec):
    """Turns what the user typed into a source.

    The target is `(text, options) -> Source | None`; None means "not mine". Openers are tried by
    ascending `order`: registered names are 10, Gymnasium ids 20, files and folders 30.

    suits: the target of `(text) -> str`, the preset that suits what is opened so, such as
        `photographs`, as a source that has a name has one of its name; empty for none.
    """

    kind: ClassVar[str] = "source opener"

    order: int = 50
    suits: str = ""


@dataclass(frozen=True, kw_only=True)
class FolderSpec(Spec):
    """What a plugin keeps among the runs that is no run, such as a sweep: `rockfall show` and
    `rockfall runs` open it.

    marker: the name of a file that is in each such folder, and in no other.
    target: `(path) -> rockfall.kit.folders.FolderPage`.
    """

    kind: ClassVar[str] = "folder"

    marker: str


def counted_kind(count: int, kind: str) -> str:
    """`1 model`, `2 models`, `2 capabilities`."""
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{count} {kind if count == 1 else plural}"


def check_target(owner: str, target: str) -> None:
    """Raise ValueError unless `target` reads `package.module:attribute`."""
    if not TARGET.fullmatch(target):
        raise ValueError(f"{owner}: target {target!r} is not 'package.module:attribute'")


def load_target(target: str) -> Any:
    """Import `package.module:attribute`."""
    module, _, path = target.partition(":")
    found: Any = import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    return found
