"""The contract of a model: anything that is built from a description and fitted to a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from rockfall.run.run import Run


@runtime_checkable
class Model(Protocol):
    """What every model has. Most are `nn.Module`s and get half of it free.

    The class is called as `Model(config, info)`, info being a `SourceInfo`, and has `Config`, a
    subclass of `rockfall.Config`. It may also have

    presets: dict of preset name → settings. One named like a source is used for that source;
        `tiny` trains in a second or two and is what the conformance kit uses. An opener may
        name one for what it opens, such as `photographs`; and `source.size` in a preset is an
        option of the source.
    preset_for: `(SourceInfo) -> str`, a class method: the preset for a source that nothing above
        names one for, such as pictures in colour; empty for none.
    monitor: the logged metric by which checkpoint `best` is chosen; `-loss` for lowest.
    headline: the logged metric that says best how well it fares, which `rockfall compare` draws
        first; without it, what `monitor` names.
    tuned_by: the figure or logged metric by which settings are chosen, `-name` for the lowest;
        without it, what `monitor` or `headline` names.
    search_spaces: dict of source name, or "" for any → setting → where `rockfall sweep` looks, as
        it would be typed: `{"": {"lr": "1e-4..1e-2:log", "hidden": "128,256"}}`.
    lengthened_by: the setting that says how long its one loop is, such as `steps`: a finished run
        can go on with more of it.
    threads: how many CPU threads pay, at most, which may depend on its settings and its source;
        without it, one. See `rockfall.kit.devices.threads_that_pay`.
    parallel: "batches" if it can learn on several devices, each with a part of every batch: its
        loss is a mean over the examples, or the targets, that `Epoch.batches` hands out; gradients
        are those of `backward()`, or averaged by `rockfall.kit.parallel.average`; and which
        parameters get one, and when a loop is left, is the same on all. Otherwise, why it can't.
    precision: what `--precision auto` takes where the device gains from it; without it, float32.
    """

    def fit(self, source: Any, run: Run, /) -> None:
        """Learn from the source; loops, logging and checkpoints are the run's."""

    def state_dict(self) -> Any:
        """All that was learned: nested dicts and lists of tensors, arrays and plain values."""

    def load_state_dict(self, state: Mapping[str, Any], /) -> Any:
        """Take back what `state_dict` gave."""
