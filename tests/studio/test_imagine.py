"""What Imagine asks: latents, maps, blends, samples, and chains from a drawing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import rockfall
from rockfall import UnknownName, UsageError, fork_rng, open_run
from rockfall_studio.studio import Studio
from rockfall_studio.views.imagine.pictures import thinned
from tests.studio.conftest import Asking

pytestmark = pytest.mark.long  # a few trainings, for all of them

Looking = Callable[..., Any]
SIZE = 64
"""Pixels of a digit."""


@pytest.fixture
def tiny(studio: Studio) -> Callable[..., Asking]:
    """tiny("flow") → asks of a studio with a run of that model, and of that name."""

    def train(model: str, source: str = "digits") -> Asking:
        rockfall.train(model, source, preset="tiny", name=model, out=studio.out, listeners=[])
        return Asking(studio)

    return train


def model_of(ask: Asking, run: str) -> Any:
    return open_run(ask.studio.run(run).path).model


# Which runs -------------------------------------------------------------------------------------


def test_runs_that_make_pictures_are_here(looking: Looking) -> None:
    ask = looking("lenet5", "vae", "gan", "rbm")
    names = {run["name"] for run in ask("imagine.runs").data["runs"]}
    assert {"vae", "gan", "rbm"} <= names
    assert "lenet5" not in names


def test_a_run_of_numbers_is_not_here_and_says_so(tiny: Callable[..., Asking]) -> None:
    ask = tiny("vae", "ring")
    assert ask("imagine.runs").data["runs"] == []
    with pytest.raises(UsageError, match="what vae makes are no pictures"):
        ask("imagine.open", run="vae")


def test_what_there_is_to_see_is_what_the_model_can(looking: Looking) -> None:
    ask = looking("vae", "rbm")
    vae, rbm = (ask("imagine.open", run=run).data for run in ("vae", "rbm"))
    assert vae["shape"] == [1, 8, 8]
    assert vae["classes"] == list("0123456789")
    assert {"decodes", "blends", "reconstructs"} <= set(vae["can"])
    assert "decodes" not in rbm["can"] and "resamples" in rbm["can"]
    assert not vae["conditional"]
    assert vae["film"] == "samples"


@pytest.mark.parametrize("run", ["../vae", "no-such-run", ""])
def test_no_path_and_no_other_name_is_a_run(looking: Looking, run: str) -> None:
    with pytest.raises(UnknownName, match="there is no run"):
        looking("vae")("imagine.spread", run=run)


def test_a_model_without_the_capability_says_who_has_it(looking: Looking) -> None:
    with pytest.raises(UsageError, match=r"rbm .*not decodes; models that do: .*vae"):
        looking("rbm")("imagine.spread", run="rbm")


# Latents ----------------------------------------------------------------------------------------


def test_latents_decode_to_what_the_model_decodes(looking: Looking) -> None:
    ask = looking("vae")
    latents = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    (pictures,) = ask("imagine.decode", latents.numpy().tobytes(), run="vae").planes
    expected = model_of(ask, "vae").decode(latents)
    assert pictures.shape == (3, 8, 8, 1) and pictures.dtype == np.uint8
    assert np.array_equal(pictures[..., 0], expected[:, 0].numpy())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "0 bytes are no latents of 4 floats"),
        (bytes(15), "15 bytes are no latents"),
        (np.full(4, np.nan, np.float32).tobytes(), "must be finite"),
        (np.zeros(4 * 101, np.float32).tobytes(), "101 latents at once are more than 100"),
    ],
)
def test_what_are_no_latents_is_refused(looking: Looking, content: bytes, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        looking("vae")("imagine.decode", content, run="vae")


def test_sliders_span_the_aggregate_posterior(looking: Looking) -> None:
    ask = looking("vae")
    answer = ask("imagine.spread", run="vae")
    mean, std, order, first = answer.planes
    data: Any = ask.studio.run("vae").record().open_source()
    codes = model_of(ask, "vae").encode(data.test.evenly_spaced(500).inputs)
    assert answer.data["of"] == "aggregate posterior"
    np.testing.assert_allclose(mean, codes.mean(0), atol=1e-5)
    used = codes.std(0).numpy() > 0.2
    np.testing.assert_allclose(std[used], codes.std(0).numpy()[used], atol=1e-5)
    assert order.tolist() == codes.std(0).argsort(descending=True).tolist()
    assert first.shape == (4,)


def test_a_model_without_an_encoder_has_the_prior(looking: Looking) -> None:
    answer = looking("gan")("imagine.spread", run="gan")
    mean, std, *_ = answer.planes
    assert answer.data["of"] == "prior"
    np.testing.assert_allclose(mean, 0, atol=0.2)
    np.testing.assert_allclose(std, 1, atol=0.2)


def test_drawn_latents_are_of_the_pictures_beside_them(looking: Looking) -> None:
    ask = looking("gan")
    pictures, latents = ask("imagine.draw", run="gan", count=5, seed=3).planes
    (again,) = ask("imagine.decode", latents.tobytes(), run="gan").planes
    assert np.array_equal(pictures, again)
    others, _ = ask("imagine.draw", run="gan", count=5, seed=4).planes
    assert not np.array_equal(pictures, others)


def test_a_class_is_chosen_by_the_last_latents(tiny: Callable[..., Asking]) -> None:
    ask = tiny("cvae")
    assert ask("imagine.open", run="cvae").data["conditional"]
    pictures, latents = ask("imagine.draw", run="cvae", count=4, label=7).planes
    assert latents[:, -10:].tolist() == [[0.0] * 7 + [1.0] + [0.0] * 2] * 4
    model = model_of(ask, "cvae")
    assert np.array_equal(pictures[..., 0], model.decode(torch.tensor(latents))[:, 0].numpy())
    with pytest.raises(UsageError, match="no number 10"):
        ask("imagine.draw", run="cvae", label=10)
    picture = bytes(SIZE)
    with pytest.raises(UsageError, match="needs the class"):
        ask("imagine.find", picture, run="cvae", labels=[-1])
    found, _ = ask("imagine.find", picture, run="cvae", labels=[2]).planes
    assert found[0, -10:].argmax() == 2


def test_a_model_of_no_classes_refuses_one(looking: Looking) -> None:
    with pytest.raises(UsageError, match="samples-by-class"):
        looking("vae")("imagine.draw", run="vae", label=1)


def test_latents_of_pictures_are_those_that_are_blended(looking: Looking) -> None:
    ask = looking("vae")
    examples = ask("imagine.examples", run="vae", count=3, seed=5)
    (pictures,) = examples.planes
    latents, decoded = ask(
        "imagine.find", pictures.tobytes(), run="vae", labels=examples.data["labels"]
    ).planes
    model, inputs = model_of(ask, "vae"), torch.tensor(pictures).permute(0, 3, 1, 2)
    expected = model.latents(inputs, torch.full((3,), -1))
    np.testing.assert_allclose(latents, expected, atol=1e-6)
    assert np.array_equal(decoded[..., 0], model.decode(expected)[:, 0].numpy())
    with pytest.raises(UsageError, match="3 pictures, and 1 labels"):
        ask("imagine.find", pictures.tobytes(), run="vae", labels=[1])


def test_a_hundred_pictures_at_once_are_enough(looking: Looking) -> None:
    with pytest.raises(UsageError, match="more than 100 pictures at once"):
        looking("vae")("imagine.reconstruct", bytes(SIZE * 101), run="vae")


@pytest.mark.parametrize("content", [b"", bytes(63)])
def test_what_are_no_pictures_of_this_size_is_refused(looking: Looking, content: bytes) -> None:
    with pytest.raises(UsageError, match="bytes are no pictures of 64"):
        looking("vae")("imagine.reconstruct", content, run="vae")


# The map ----------------------------------------------------------------------------------------


def test_a_map_places_test_examples_by_their_principal_components(looking: Looking) -> None:
    *_, answer = looking("vae").stream("imagine.map", run="vae", count=40)
    points, latents, pictures = answer.planes
    assert points.shape == (40, 2) and pictures.shape == (40, 8, 8, 1)
    assert len(answer.data["labels"]) == answer.data["of"] == 40
    centred = latents - latents.mean(0)
    variances = np.linalg.svd(centred)[1] ** 2
    np.testing.assert_allclose((points**2).sum(0), variances[:2], rtol=1e-3)


def test_a_map_of_a_model_that_searches_grows_and_can_be_left(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = looking("gan")
    monkeypatch.setattr("rockfall_studio.views.imagine.latents.PATIENCE", 0.0)
    stream = ask.stream("imagine.map", run="gan", count=30)
    first, second = next(stream), next(stream)
    assert first is not None and second is not None
    assert 0 < len(first.planes[0]) < len(second.planes[0]) < 30
    ask("imagine.draw", run="gan")  # nobody waits for the map
    stream.close()  # type: ignore[attr-defined]


# Samples ----------------------------------------------------------------------------------------


def test_samples_are_those_of_the_seed(looking: Looking) -> None:
    ask = looking("rbm")
    (pictures,) = ask("imagine.sample", run="rbm", count=6, seed=2).planes
    with fork_rng(2):
        expected = model_of(ask, "rbm").sample(6)
    assert np.array_equal(pictures[..., 0], expected[:, 0].numpy())


def test_steps_lead_to_the_samples_of_the_seed(tiny: Callable[..., Asking]) -> None:
    ask = tiny("flow")
    answers = list(ask.stream("imagine.steps", run="flow", count=5, seed=1))
    (samples,) = ask("imagine.sample", run="flow", count=5, seed=1).planes
    assert [answer.data["step"] for answer in answers if answer] == [0, 1, 2]
    assert answers[-1] is not None and np.array_equal(answers[-1].planes[0], samples)


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 1000])
def test_many_steps_are_thinned_evenly_and_the_last_is_kept(count: int) -> None:
    kept = thinned((torch.tensor(k) for k in range(count)), 10)
    numbers = [number for number, _ in kept]
    assert numbers == [int(step) for _, step in kept]
    assert len(kept) <= 11
    if count:
        assert numbers[0] == 0 and numbers[-1] == count - 1
    assert len({after - before for before, after in itertools.pairwise(numbers[:-1])}) <= 1


# Drawings ---------------------------------------------------------------------------------------


def test_a_drawing_is_prepared_and_reconstructed(looking: Looking) -> None:
    ask = looking("vae")
    sheet = np.full((64, 64), 255, np.uint8)
    sheet[10:54, 28:36] = 0  # a one
    prepared = ask("imagine.prepare", sheet.tobytes(), run="vae", side=64)
    (picture,) = prepared.planes
    assert picture.shape == (1, 8, 8, 1)
    assert picture[0, :, 3, 0].min() > 200
    assert picture[0, :, 0, 0].max() < 50
    assert "inverted" in prepared.data["changes"]
    (rebuilt,) = ask("imagine.reconstruct", picture.tobytes(), run="vae").planes
    inputs = torch.tensor(picture).permute(0, 3, 1, 2)
    assert np.array_equal(rebuilt[..., 0], model_of(ask, "vae").reconstruct(inputs)[:, 0].numpy())
    with pytest.raises(UsageError, match="are no drawing of 32 by 32"):
        ask("imagine.prepare", sheet.tobytes(), run="vae", side=32)
    with pytest.raises(UsageError, match="this picture can't be read"):
        ask("imagine.prepare", b"no picture", run="vae")


def test_a_chain_goes_on_from_a_picture_and_keeps_what_is_clamped(looking: Looking) -> None:
    ask = looking("rbm")
    (picture,) = ask("imagine.examples", run="rbm", count=1).planes
    mask = np.zeros_like(picture)
    mask[:, :4] = 1
    stream = ask.stream(
        "imagine.chain", picture.tobytes() + mask.tobytes(), run="rbm", rate=60, every=3
    )
    steps = [next(stream) for _ in range(5)]
    stream.close()  # type: ignore[attr-defined]
    assert [step.data["step"] for step in steps if step] == [3, 6, 9, 12, 15]
    shown = np.concatenate([step.planes[0] for step in steps if step])
    assert (shown[:, :4] == picture[:, :4]).all()
    assert not np.array_equal(shown[0, 4:], shown[4, 4:])
    with pytest.raises(UsageError, match="one picture, and has one mask"):
        next(ask.stream("imagine.chain", picture.tobytes(), run="rbm"))


def test_a_slow_chain_looks_whether_it_is_still_wanted(looking: Looking) -> None:
    ask = looking("rbm")
    stream = ask.stream("imagine.chain", bytes(2 * SIZE), run="rbm", rate=0.5)
    assert next(stream) is not None
    began = time.monotonic()
    assert next(stream) is None
    assert time.monotonic() - began < 1.5
    ask("imagine.sample", run="rbm", count=1)  # nor does anybody wait for it
    stream.close()  # type: ignore[attr-defined]


def test_the_last_checkpoint_is_what_is_seen(studio: Studio, tiny: Callable[..., Asking]) -> None:
    ask = tiny("vae")
    latents = np.ones((1, 4), np.float32).tobytes()
    before = ask("imagine.decode", latents, run="vae").planes[0]
    run: Any = open_run(studio.run("vae").path)
    for parameter in run.model.decoder.parameters():
        parameter.data.zero_()
    run.save("last")
    assert not np.array_equal(ask("imagine.decode", latents, run="vae").planes[0], before)
