"""`check_model` passes a good model and says what is wrong with each faulty one."""

from __future__ import annotations

import pickle
import sys
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import ConfigDict, Field
from torch import Tensor

import rockfall
from rockfall.catalogue import Catalogue
from rockfall.registry import registry
from rockfall.specs import CapabilitySpec
from rockfall.testing.behaving import Recorder
from tests.core.conforming import Check, Good


class ForgetsItsOptimizer(Good):
    def keep(self, run: rockfall.Run, optimizer: torch.optim.Optimizer) -> None:
        pass


class ForgetsACounter(Good):
    count = 0

    def factor(self) -> float:
        self.count += 1
        return 1 / self.count


class LogsTheSameTwice(Good):
    """What a turn does before its inner loop is done again when that loop is resumed."""

    def begin(self, run: rockfall.Run) -> None:
        run.log(begun=1)


class DrawsUnseeded(Good):
    def factor(self) -> float:
        return float(np.random.default_rng().random())


class SeedsItself(Good):
    shuffles = False

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        torch.manual_seed(0)
        super().__init__(config, info)


class LooksWithSideEffects(Good):
    def draw(self) -> Tensor:
        self.linear.bias.mul_(0.5)
        return super().draw()


class ChangesWhenAsked(Good):
    def classify(self, inputs: Tensor) -> Tensor:
        self.linear.weight.mul_(0.999)
        return super().classify(inputs[:0]).new_full((len(inputs), 10), 0.1)


class CountsLooks(Good):
    """Its weights stay as they are when it is drawn, but not its state."""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        self.register_buffer("looks", torch.zeros(1))

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        return {"linear": self.logits(inputs)}

    def filters(self) -> Tensor:
        self.looks += 1
        return self.linear.weight.reshape(10, 1, 8, 8)


class KeepsSomethingOutOfItsState(Good):
    def factor(self) -> float:
        self.learned = 2.0
        return 1.0

    def classify(self, inputs: Tensor) -> Tensor:
        return (getattr(self, "learned", 1.0) * self.logits(inputs)).softmax(1)


class GivesNoProbabilities(Good):
    def classify(self, inputs: Tensor) -> Tensor:
        return self.logits(inputs)


class CanSampleByClassToo(Good):
    def sample_of(self, labels: Tensor) -> Tensor:
        return torch.zeros(len(labels), 1, 8, 8, dtype=torch.uint8)


class CanEncodeToo(Good):
    def encode(self, inputs: Tensor) -> Tensor:
        return self.logits(inputs)


class HoldsAPickle(Good):
    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        data = bytearray(pickle.dumps({"a": 1}))
        self.register_buffer("blob", torch.frombuffer(data, dtype=torch.uint8).clone())


class NeedsItsData(Good):
    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        rockfall.open_source(info.name)


class TakesNoStep(Good):
    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        pass


class Raises(Good):
    def fit(self, data: rockfall.Dataset, run: rockfall.Run) -> None:
        raise ZeroDivisionError("by nothing")


class Undescribed(Good):
    class Config(rockfall.Config):
        epochs: int = 3


class HasNoTiny(Good):
    presets: ClassVar[dict[str, Any]] = {}


class HasABadPreset(Good):
    presets: ClassVar[dict[str, Any]] = {"tiny": {"epoch": 2}}


class TakesAnySetting(Good):
    class Config(rockfall.Config):
        model_config = ConfigDict(extra="allow")


class HasABadDefault(Good):
    class Config(rockfall.Config):
        epochs: int = Field(0, ge=1, description="passes over the data")


@pytest.mark.long
def test_a_good_model_passes(check: Check) -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    check(Good)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == torch.get_num_threads()


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (ForgetsItsOptimizer, "and resumed, it differs from an uninterrupted run in"),
        (ForgetsACounter, "and resumed, it differs from an uninterrupted run in"),
        (LogsTheSameTwice, r"it differs from an uninterrupted run in metrics\.jsonl"),
        (DrawsUnseeded, "with the same seed, another run has other"),
        (SeedsItself, "another seed gives the same model"),
        (LooksWithSideEffects, "on pictures being drawn"),
        (ChangesWhenAsked, "classify must be deterministic|evaluating it changes linear.weight"),
        (KeepsSomethingOutOfItsState, "loaded from its checkpoint, classify gives another"),
        (GivesNoProbabilities, "it classifies, but: probabilities must lie between 0 and 1"),
        (CanEncodeToo, "it encodes, but the spec's capabilities don't say so"),
        (CanSampleByClassToo, "it samples-by-class, but the spec's capabilities don't say so"),
        (HoldsAPickle, "its state holds a pickle"),
        (NeedsItsData, "opened from run.json without its source: UnknownName: no source digits"),
        (TakesNoStep, "fit took no step"),
        (Raises, "trained with preset tiny: ZeroDivisionError: by nothing"),
        (Undescribed, "setting epochs has no description"),
        (HasNoTiny, "it has no preset `tiny`"),
        (HasABadPreset, "preset tiny don't fit: no setting named epoch; did you mean epochs?"),
        (TakesAnySetting, "its Config takes unknown settings"),
        (HasABadDefault, "the defaults don't fit: epochs: input should be greater"),
    ],
)
def test_a_faulty_model_is_told_what_is_wrong(kind: type, complaint: str, check: Check) -> None:
    with pytest.raises(AssertionError, match="model rockfall-vision:made-up: .*" + complaint):
        check(kind)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"capabilities": ("classifies", "samples")}, "says that it samples, but it has no sample"),
        (
            {"capabilities": ("classifies", "samples-in-steps")},
            "samples-in-steps, but it has no sample_steps",
        ),
        (
            {"capabilities": ("flies",)},
            "made-up names the capability flies, which no installed",
        ),
        ({"default_source": "no-such-source"}, "its default source no-such-source: UnknownName"),
        ({"learns_from": ("texts",)}, "made-up learns from texts, and digits is"),
        ({"target": "faulty_models:Missing"}, "AttributeError"),
    ],
)
def test_a_spec_that_is_not_true_is_told(
    fields: dict[str, Any], complaint: str, check: Check
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(Good, **fields)


def test_what_stands_in_for_a_model_has_its_class() -> None:
    recorder: Any = Recorder(Good.__new__(Good))
    assert isinstance(recorder, Good)
    assert not isinstance(recorder, CanEncodeToo)


def test_a_model_that_changes_when_it_is_drawn(check: Check) -> None:
    with pytest.raises(
        AssertionError, match="explains, but its pictures: drawing them changes looks"
    ):
        check(CountsLooks, capabilities=("classifies", "explains"))


@pytest.mark.parametrize(
    ("drawn", "complaint"),
    [
        ({"one": [1, 2]}, "one: it is a list, neither an image nor a tensor"),
        ({"one": torch.zeros(1, 2, 2)}, "one: a tensor must be uint8, not torch.float32"),
        ({"one": torch.zeros(2, 2, dtype=torch.uint8)}, r"one: a tensor must be \(C, H, W\)"),
        ({"one": torch.zeros(2, 9, 9, dtype=torch.uint8)}, "one: a picture has 1 or 3 channels"),
        ({"curves": torch.zeros(1, 2, 2, dtype=torch.uint8)}, "picture name 'curves' is taken"),
        ({"../one": torch.zeros(1, 2, 2, dtype=torch.uint8)}, "picture name '../one': use lower"),
    ],
)
def test_what_a_capability_may_not_draw(
    drawn: dict[str, Any], complaint: str, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    capability = CapabilitySpec(
        name="dreams",
        summary="dreams",
        target="rockfall_capabilities.classifies.protocol:Classifies",
        pictures="faulty_models:draw",
    )
    sys.modules["faulty_models"].draw = lambda model, source: drawn  # type: ignore[attr-defined]
    catalogue = Catalogue(CapabilitySpec)
    catalogue.add("stranger", capability)
    monkeypatch.setattr(registry(), "capabilities", catalogue)
    with pytest.raises(AssertionError, match="it dreams, but its pictures: .*" + complaint):
        check(Good, capabilities=("dreams",))
