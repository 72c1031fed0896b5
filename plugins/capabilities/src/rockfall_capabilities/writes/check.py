"""What the conformance kit asks of a model that writes."""

from __future__ import annotations

from rockfall import Dataset, fork_rng
from rockfall_capabilities.writes.protocol import Writes

LENGTH = 20


def check(model: Writes, source: Dataset) -> None:
    """As many known symbols as asked for, the same under a seed; of text alone."""
    if "text" not in source.info.kinds:
        return
    prompt, given = source.info.classes[:3], []
    for temperature in (1.0, 1.0, 0.0):
        with fork_rng(seed=0):
            given.append(model.write(prompt, LENGTH, temperature))
    for written in given:
        assert len(written) == LENGTH, f"write gave {len(written)} symbols, not {LENGTH}"
        strange = sorted(set(written) - set(source.info.classes))
        assert not strange, f"write gave symbols that the source does not have: {strange}"
    assert given[0] == given[1], "write must depend on the global generator alone"
    assert len(model.write((), LENGTH, 1.0)) == LENGTH, "an empty prompt must do"
