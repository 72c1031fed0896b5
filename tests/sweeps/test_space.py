"""What somebody may type, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rockfall import RockfallError, UsageError
from rockfall.plugin import registry
from rockfall_sweeps.api import sweep
from rockfall_sweeps.request import FILE, Request
from rockfall_sweeps.settings import make_request


def asked(model: str, *words: str, **how: Any) -> Request:
    texts = dict(word.split("=", 1) for word in words)
    return make_request(model, how.pop("source", None), texts, {}, **how)[0]


def space_of(model: str, *words: str) -> dict[str, Any]:
    texts = dict(word.split("=", 1) for word in words)
    return make_request(model, None, texts, {}, metric="accuracy")[1]


def test_types_are_those_of_the_settings() -> None:
    space = space_of(
        "pqn",
        "lr=1e-4..1e-2:log",
        "steps=1000..2000",
        "network=mlp,conv",
        "hidden=64,128",
        "gamma=0.9,0.99",
    )
    assert (space["lr"].low, space["lr"].high, space["lr"].log) == (1e-4, 1e-2, True)
    assert type(space["steps"]).__name__ == "IntDistribution"
    assert space["network"].choices == ("mlp", "conv")
    assert space["hidden"].choices == ("64", "128")
    assert space["gamma"].choices == ("0.9", "0.99")
    assert space_of("pqn", "hidden=64,64/128,128")["hidden"].choices == ("64,64", "128,128")


def test_single_values_are_for_all_trials() -> None:
    found = asked("pqn", "lr=1e-4..1e-2", "gamma=0.9")
    assert found.space == {"lr": "1e-4..1e-2"} and found.settings == {"gamma": "0.9"}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lr=0..0.1", r"lr: input should be greater than 0"),
        ("lr=0..0.1:log", r"with :log a range begins above 0"),
        ("lr=1e-3..2", r"lr: input should be less than or equal to 1, not '2.0'"),
        ("lr=0.1..0.01", r"from low to high"),
        ("lr=a..b", r"between two numbers"),
        ("lr=1e-3..1e-2:lin", r"a range is a\.\.b or a\.\.b:log"),
        ("steps=1.5..3", r"between two whole numbers"),
        ("network=mlp,cnn", r"network: input should be 'mlp'"),
        ("network=1..3", r"network is no number: list its values"),
        ("lrr=1..2", r"no setting named lrr; did you mean lr\?"),
        ("hidden=64,-1", r"hidden"),
    ],
)
def test_both_ends_are_checked_before_anything_starts(
    word: str, message: str, tmp_path: Path
) -> None:
    name, _, text = word.partition("=")
    with pytest.raises(UsageError, match=message):
        sweep("pqn", space={name: text}, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_model_that_says_what_it_is_judged_by_has_a_space() -> None:
    """`rockfall sweep MODEL` alone works; every space that a model ships is within its bounds."""
    alone = set()
    for entry in registry().models:
        try:
            found, space = make_request(entry.full_name, None, {}, {})
        except UsageError:
            continue
        assert found.space and space
        alone.add(entry.spec.name)
    assert {"pqn", "reinforce", "ppo", "vae", "autoencoder", "gan", "wgan-gp", "lenet5"} <= alone


def test_metrics_and_their_best() -> None:
    assert asked("gan").metric == "-Fréchet distance"
    assert asked("vae").metric == "validation elbo"
    assert asked("pqn").metric == "score"
    assert asked("lenet5").metric == "validation accuracy"
    assert asked("lenet5", metric="validation loss").metric == "-validation loss"
    assert asked("lenet5", metric="+validation loss").metric == "validation loss"
    assert asked("pqn", metric="-score").metric == "-score"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"trials": 3, "seeds": 2}, r"s is another sweep, with seeds 1 and not 2: choose another"),
        ({"lr": "1e-4..1e-1"}, r"s is another sweep, with space lr=1e-4\.\.1e-2 and not lr="),
        ({"metric": "-score"}, r"s is another sweep, with metric score and not -score"),
        ({"seed": 3}, r"s is another sweep, with seed 0 and not 3"),
    ],
)
def test_the_folder_of_another_sweep_is_refused(
    how: dict[str, Any], message: str, tmp_path: Path
) -> None:
    request = asked("pqn", "lr=1e-4..1e-2")
    (tmp_path / "s").mkdir()
    request.write(tmp_path / "s")
    space = {"lr": how.pop("lr", "1e-4..1e-2")}
    with pytest.raises(UsageError, match=message):
        sweep("pqn", space=space, name="s", out=tmp_path, **how)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "letter.txt").touch()
    with pytest.raises(UsageError, match="is no sweep"):
        sweep("pqn", space={"lr": "1e-4..1e-2"}, name="s", out=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "not of this version"),
        ('{"format": 2}', "not of this version"),
        ('{"format": 1}', "damaged"),
        ('{"format": 1, "model": 3, "source": "", "space": {}, "metric": ""}', "model is 3"),
    ],
)
def test_a_damaged_sweep_file_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(RockfallError, match=message):
        Request.read(tmp_path)


def test_redis_is_refused_as_it_holds_pickles(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pickles in Redis"):
        sweep("vae", storage="redis://localhost", out=tmp_path)


def test_a_storage_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--storage nowhere"):
        sweep("vae", storage="nowhere", out=tmp_path)


def test_two_drivers_on_one_sweep(tmp_path: Path) -> None:
    from rockfall_sweeps.api import alone

    (tmp_path / "s").mkdir()
    asked("vae").write(tmp_path / "s")
    with (
        alone(tmp_path / "s"),
        pytest.raises(RockfallError, match="another process drives the sweep s"),
    ):
        sweep("vae", name="s", out=tmp_path)


@pytest.mark.parametrize("name", ["../s", "a/b", "-s", ".hidden", "a b"])
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use letters, digits"):
        sweep("vae", name=name, out=tmp_path)


def test_a_source_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="digitz"):
        sweep("vae", "digitz", out=tmp_path)
    with pytest.raises(UsageError, match="sise"):
        sweep("vae", source_options={"sise": "3"}, out=tmp_path)
    assert not list(tmp_path.iterdir())
