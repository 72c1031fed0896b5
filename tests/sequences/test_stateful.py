"""Truncated back-propagation through time: states that go on from batch to batch."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall import UsageError
from rockfall.testing.pretend import pretend_device
from rockfall.testing.rehearsal import outcome
from rockfall.testing.resuming import check_resume
from rockfall_sequences.carried import States, Stream, in_windows, side_by_side
from rockfall_sequences.predicts.evaluation import evaluate
from rockfall_sequences.sequences import Sequences
from rockfall_sequences.series import _split
from rockfall_sequences.text import of_text
from tests.sequences.sources import MODELS, small
from tests.sequences.test_series import waves
from tests.sequences.test_text import WORDS

STATEFUL = [name for name in MODELS if name != "transformer"]


def words(length: int = 8) -> Sequences:
    return of_text("words", WORDS, length, 0)


def test_a_row_of_a_batch_goes_on_where_that_of_the_last_ended() -> None:
    data = words()
    stream = data.stream("train")
    assert stream.inputs[0, 1:].equal(stream.labels[0, :-1])
    windows = in_windows(side_by_side(stream, 5), 8)
    assert windows.inputs.shape[1] == 8 and len(windows) % 5 == 0
    for row in range(5):
        read = windows.inputs[row::5].flatten()
        begin = row * (stream.inputs.shape[1] // 5)
        assert read.equal(stream.inputs[0, begin : begin + len(read)])
        assert windows.labels[row::5].flatten().equal(stream.labels[0, begin : begin + len(read)])
        assert len(read) > stream.inputs.shape[1] // 5 - 8


def test_epochs_begin_at_other_steps_and_take_as_many_windows() -> None:
    data = words()
    run = rockfall.Run.unrecorded(small("gru", data.info), data.info, device="cpu")
    stream = Stream(data, 5, run)
    epochs = [stream.of_epoch(epoch) for epoch in range(20)]
    assert {len(split) for split in epochs} == {len(stream)}
    assert len({str(split.inputs[0].tolist()) for split in epochs}) > 4
    whole = data.stream("train").inputs[0].tolist()
    for split in epochs:
        assert any(split.inputs[0].tolist() == whole[first : first + 8] for first in range(8))
    assert stream.of_epoch(3).inputs.equal(epochs[3].inputs)


@pytest.mark.parametrize("name", STATEFUL)
@pytest.mark.parametrize("layers", [1, 2])
def test_reading_in_parts_is_reading_the_whole(name: str, layers: int) -> None:
    model = small(name, words().info, layers=layers).eval()
    steps = model.as_steps(words().stream("test").inputs)
    whole, after = model.read(steps)
    states: Any = ()
    found = []
    for part in steps.split(7, 1):
        outputs, states = model.read(part, states)
        found.append(outputs)
    torch.testing.assert_close(torch.cat(found, 1), whole)
    torch.testing.assert_close(states, after)


@pytest.mark.parametrize("name", STATEFUL)
def test_a_step_learns_with_the_states_of_the_last_one(name: str) -> None:
    """Two steps by hand, without the loop: gradients go back over a window, states further."""
    data = words()
    settings: dict[str, Any] = {"batch_size": 4, "epochs": 1, "schedule": "constant"}
    model = small(name, data.info, stateful=True, **settings)
    other = copy.deepcopy(model)
    run = rockfall.Run.unrecorded(model, data.info, device="cpu", threads=1)
    windows = Stream(data, 4, run).of_epoch(0)
    optimizer, states = other.make_optimizer(), None
    losses = []
    for first in range(0, len(windows), 4):
        inputs, labels = windows[first : first + 4]
        remembered, after = other.memory(other.as_steps(inputs), states)
        loss = other.loss(other.readout(remembered), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(other.parameters(), other.config.clip)
        optimizer.step()
        losses.append(loss.item())
        states = [
            tuple(each.detach() for each in state) if isinstance(state, tuple) else state.detach()
            for state in after
        ]
    model.fit(data, run)
    found = [line["train loss"] for line in run.metrics if "train loss" in line]
    assert found == pytest.approx(losses, rel=1e-4)


def test_an_epoch_begins_without_a_memory() -> None:
    states = States((torch.zeros(1, 2),))
    states.now = (torch.ones(1, 2),)
    states.reset()
    assert states.now[0].eq(0).all()


def trained(name: str, folder: Path, **settings: Any) -> rockfall.Run:
    folder.mkdir(exist_ok=True)
    file = folder / "words.txt"
    file.write_text(WORDS, encoding="utf-8")
    return rockfall.train(
        name,
        file,
        out=folder,
        listeners=[],
        preset="tiny",
        source_options={"length": 8},
        stateful=True,
        batch_size=10,
        **settings,
    )


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, {}) for name in STATEFUL]
    + [("lstm", {"peepholes": True}), ("gru", {"layers": 2, "dropout": 0.5})],
)
def test_killed_and_resumed_it_ends_as_if_it_had_not_been(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    run = trained(name, tmp_path, **settings)
    check_resume(run.record, outcome(run.directory), run.step, tmp_path)


def test_what_is_kept_of_the_states_counts(tmp_path: Path) -> None:
    """Resumed with other states, it ends elsewhere: the test above would see it."""
    run = trained("gru", tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(States, "load_state_dict", lambda self, saved: None)
        with pytest.raises(AssertionError, match="it differs from an uninterrupted run"):
            check_resume(run.record, outcome(run.directory), run.step, tmp_path)


def test_states_of_another_model_are_refused() -> None:
    own = States((torch.zeros(3, 2), torch.zeros(3, 2)))
    good = torch.ones(3, 2)
    own.load_state_dict({"states": [good, 2 * good]})
    assert own.now[1].equal(2 * good)
    own.load_state_dict({"states": [good.double(), good.bfloat16()]})
    assert {each.dtype for each in own.now} == {torch.float32}
    for states in ([good], [good, torch.ones(3, 1)], [good, good + 1j], [good, good / 0]):
        with pytest.raises(ValueError, match=r"shorter|a state is"):
            own.load_state_dict({"states": states})


def test_the_test_is_read_as_one_stream(tmp_path: Path) -> None:
    """Bits are those of the whole test text, read step by step from its beginning."""
    run = trained("gru", tmp_path)
    model, data = run.model.eval(), rockfall.open_source(tmp_path / "words.txt", {"length": 8})
    assert isinstance(data, Sequences)
    stream = data.stream("test")
    logits = model(stream.inputs)[0]
    bits = torch.nn.functional.cross_entropy(logits, stream.labels[0]).item() / math.log(2)
    assert run.result is not None
    found = run.result["figures"]["test bits a symbol"]
    assert found["value"] == pytest.approx(bits, rel=1e-4)
    assert found["count"] == stream.labels.numel()
    assert evaluate(model, data, limit=2)["test bits a symbol"]["count"] == 16


def test_a_table_of_one_series_is_a_stream(tmp_path: Path) -> None:
    path = waves(tmp_path / "waves.csv", 300)
    run = rockfall.train(
        "lstm", path, preset="tiny", stateful=True, out=tmp_path, listeners=[],
        source_options={"length": 8},
    )  # fmt: skip
    data = rockfall.open_source(path, {"length": 8})
    assert isinstance(data, Sequences)
    rows = torch.cat((data.stream("train").inputs[0], data.stream("train").labels[0, -1:]))
    assert len(rows) == 240
    assert run.result is not None
    assert run.result["figures"]["test squared error"]["count"] == 29 * 2


def test_what_is_missing_is_filled_by_the_last_value() -> None:
    nan = torch.nan
    rows = torch.tensor([[[nan, 1.0], [2.0, nan], [nan, nan], [5.0, 6.0], [nan, 7.0]]])
    filled, asked = _split(rows)[:]
    assert filled[0].tolist() == [[0.0, 1.0], [2.0, 1.0], [2.0, 1.0], [5.0, 6.0]]
    assert asked[0, 0].isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "source", "options", "settings", "reason"),
    [
        ("gru", "distracted-recall", {}, {}, "stateful=true is for one long sequence, and distr"),
        ("gru", "text", {"limit": 100}, {}, "stateful=true is for one long sequence, and text"),
        ("transformer", "text", {}, {}, "transformer: no setting named stateful"),
        ("simple-lstm", "text", {}, {"rule": "original"}, "rule=original is of one layer"),
    ],
)
def test_one_line_says_why_not(
    name: str, source: str, options: dict[str, Any], settings: dict[str, Any], reason: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(UsageError, match=reason):
        rockfall.train(
            name, source, source_options=options, stateful=True, out=tmp_path, **settings
        )
    assert not list(tmp_path.iterdir())


def test_fewer_windows_than_a_batch_are_said(tmp_path: Path) -> None:
    data = words()
    model = small("gru", data.info, stateful=True, epochs=1, batch_size=500)
    heard: list[str] = []
    run = rockfall.Run.unrecorded(
        model, data.info, device="cpu", listeners=[lambda event: heard.append(str(event))]
    )
    model.fit(data, run)
    assert any("batch_size is 61: words has so many windows" in line for line in heard)


@pytest.mark.parametrize("name", ["lstm", "lru"])
def test_states_stay_on_the_device(name: str, tmp_path: Path) -> None:
    """Whatever a GPU would refuse is refused; `lru` has complex states."""
    with pretend_device():
        run = trained(name, tmp_path, device="cuda", epochs=1)
    assert run.device.type == "cuda"


def test_a_finished_run_goes_on_with_more(tmp_path: Path) -> None:
    """With the schedule constant, as if it had been asked for all of it at once."""
    short = trained("gru", tmp_path / "short", epochs=1, schedule="constant")
    resumed = rockfall.resume(short.directory.path, epochs=3, listeners=[])
    whole = trained("gru", tmp_path / "whole", epochs=3, schedule="constant")
    assert resumed.step == whole.step
    for mine, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert mine.equal(theirs)
