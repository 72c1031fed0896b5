"""Settings: what is typed is what is meant, and every mistake is shown at once."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, PositiveInt

import rockfall
from rockfall.config import to_text
from rockfall.errors import ConfigError


class Example(rockfall.Config):
    lr: float = Field(1e-3, gt=0, le=1, description="step size")
    layers: tuple[PositiveInt, ...] = Field((128,), description="widths")
    network: Literal["mlp", "conv"] = Field("mlp", description="shape")
    clip: float | None = Field(None, ge=0, description="bound")
    double: bool = Field(False, description="twice")
    label: str = Field("", description="free text")
    count: int = Field(3, ge=1, description="how many")


examples = st.fixed_dictionaries(
    {
        "lr": st.floats(1e-300, 1),
        "layers": st.lists(st.integers(1, 10**6), min_size=1).map(tuple),
        "network": st.sampled_from(["mlp", "conv"]),
        "clip": st.none() | st.floats(0, 1e9),
        "double": st.booleans(),
        "label": st.text(),
        "count": st.integers(1, 10**12),
    }
)


@given(examples)
def test_text_round_trip(values: dict[str, Any]) -> None:
    typed = {name: to_text(value) for name, value in values.items()}
    assert Example.build("x", typed) == Example(**values)


@given(examples)
def test_json_round_trip(values: dict[str, Any]) -> None:
    config = Example(**values)
    assert Example(**config.model_dump(mode="json")) == config


def test_later_layers_win() -> None:
    assert Example.build("x", {"lr": 0.1, "count": 7}, {"lr": "0.2"}) == Example(lr=0.2, count=7)


def test_every_mistake_is_shown_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Example.build("reinforce", {"lr": "0", "layer": "3", "network": "cnn", "count": "2.5"})
    message = str(caught.value)
    assert len(caught.value.problems) == 4
    assert message.startswith("reinforce: ")
    assert "lr: input should be greater than 0, not '0'" in message
    assert "no setting named layer; did you mean layers?" in message
    assert "network: input should be 'mlp' or 'conv', not 'cnn'" in message
    assert "count: " in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["a", "1,b", "1.5", "{}", "3,0"])
def test_bad_tuples(text: str) -> None:
    with pytest.raises(ConfigError, match="layers"):
        Example.build("x", {"layers": text})


@pytest.mark.parametrize("text", ["64,32", "(64, 32)", "[64,32]", "64,32,"])
def test_forms_of_a_tuple(text: str) -> None:
    assert Example.build("x", {"layers": text}).layers == (64, 32)


def test_settings_are_described() -> None:
    shown = {setting.name: setting for setting in Example.described()}
    assert shown["lr"] == ("lr", "float", "0.001", "> 0, ≤ 1", "step size")
    assert shown["layers"][1:3] == ("int,…", "128")
    assert shown["network"].type == "mlp | conv"
    assert shown["clip"][1:3] == ("float or none", "none")
    assert list(shown) == list(Example.model_fields)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_numbers_are_finite(text: str) -> None:
    class Unbounded(rockfall.Config):
        x: float = 1.0

    with pytest.raises(ConfigError, match="x: input should be a finite number"):
        Unbounded.build("toy", {"x": text})


def test_what_has_too_few_values_is_told_in_our_words() -> None:
    class Several(rockfall.Config):
        style: tuple[str, ...] = Field(("a", "b"), min_length=2, description="names")

    with pytest.raises(ConfigError, match=r"x: style: at least 2, not 1$"):
        Several.build("x", {"style": "a"})


def test_a_choice_among_numbers_may_be_typed() -> None:
    class Config(rockfall.Config):
        stride: Literal[1, 2] = 1

    assert Config.build("net", {"stride": "2"}).stride == 2
    with pytest.raises(ConfigError, match=r"stride: .*not '3'"):
        Config.build("net", {"stride": "3"})
