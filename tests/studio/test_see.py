"""What See asks: drawings through the preparation, layers as planes, units, games, saliency."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from rockfall import UsageError, open_run
from rockfall.kit.preparation import prepare_file
from rockfall.kit.tracing import Layer
from rockfall_studio.views.see.planes import (
    MOST_EDGES,
    MOST_MAPS,
    MOST_NUMBERS,
    MOST_SIDE,
    planes,
)

SIDE = 112

Looking = Callable[..., Any]


def sheet(*, dotted: bool = False) -> Image.Image:
    """A seven of black ink."""
    image = Image.new("L", (SIDE, SIDE), 255)
    pen = ImageDraw.Draw(image)
    points = [(30, 22), (78, 22), (50, 92)]
    for (x0, y0), (x1, y1) in pairwise(points):
        steps = 8 if dotted else 60
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=0)
    return image


def drawn(ask: Any, run: str, **fields: Any) -> Any:
    return ask("see.draw", sheet().tobytes(), run=run, side=SIDE, **fields)


@pytest.mark.long
def test_a_drawing_is_prepared_as_a_file_is_and_classified(looking: Looking, tmp_path: Any) -> None:
    ask = looking("lenet5")
    answer = drawn(ask, "lenet5")
    file = tmp_path / "seven.png"
    sheet().save(file)
    run = open_run(ask.studio.run("lenet5").path)
    info = run.record.open_source().info
    done = prepare_file(file, info)
    given, picture, *_ = answer.planes
    assert np.array_equal(picture[..., 0], done.pixels[0].numpy())
    assert np.array_equal(given, done.pixels.flatten().numpy())
    assert answer.data["changes"] == done.changes()
    with torch.no_grad():
        expected = run.model.eval().classify(done.pixels[None])[0]
    assert np.allclose(answer.data["probabilities"], expected, atol=1e-5)
    # The same bytes as an input of their own give the same.
    again = ask("see.input", given.tobytes(), run="lenet5")
    assert again.data["layers"] == answer.data["layers"]
    for one, other in zip(answer.planes, again.planes, strict=True):
        assert np.array_equal(one, other)


def test_layers_of_thousands_are_bounded_and_paged() -> None:
    torch.manual_seed(0)
    numbers, maps = torch.randn(1, 5000), torch.randn(1, 300, 100, 90)
    weight = torch.randn(5000, 1).expand(5000, 300 * 9000)  # as large as it looks, in no memory
    layers = [
        Layer("input", "input", maps),
        Layer("numbers", "Linear", numbers, ("input",), weight),
        Layer("act", "ReLU", numbers.relu(), ("numbers",)),
    ]
    told, (edges, strengths, *drawn) = planes([layers[0], layers[2]], {})
    assert [each["units"] for each in told] == [300, 5000]
    assert drawn[0].shape == (MOST_MAPS, MOST_SIDE, MOST_SIDE)
    assert drawn[1].shape == (MOST_NUMBERS, 1, 1)
    told, (edges, strengths, *drawn) = planes(layers[1:], {"act": 4990, "numbers": 4950})
    assert told[1]["first"] == 4990 and drawn[1].shape == (10, 1, 1)
    assert 0 < len(edges) <= MOST_EDGES and len(edges) == len(strengths)
    assert set(edges[:, 3]) <= set(range(4990, 5000))
    assert (edges[:, 1] == edges[:, 3]).all()  # ReLU: each from its own


def test_connections_are_weights_times_values() -> None:
    torch.manual_seed(0)
    maps, weight = torch.randn(1, 3, 2, 2), torch.randn(4, 12)
    values = maps.flatten(1) @ weight.T
    layers = [Layer("maps", "input", maps), Layer("out", "Linear", values, ("maps",), weight)]
    _, (edges, strengths, *_) = planes(layers, {})
    expected = torch.zeros(4, 3)
    for unit in range(4):
        for channel in range(3):
            rows = weight[unit, 4 * channel : 4 * channel + 4]
            expected[unit, channel] = sum(rows * maps[0, channel].flatten())
    assert torch.allclose(expected.sum(1), values[0], atol=1e-5)
    scaled = expected / expected.abs().max()
    assert len(edges) == 12
    for (_, come, _, to), strength in zip(edges, strengths, strict=True):
        assert strength == pytest.approx(float(scaled[to, come]), abs=1e-5)
    assert (np.diff(np.abs(strengths)) <= 1e-6).all()  # the strongest first


def test_a_slice_and_a_join_are_connected_unit_by_unit() -> None:
    torch.manual_seed(0)
    whole = torch.randn(1, 8)
    part, joined = whole[:, 3:6], torch.cat([whole, whole[:, 3:6]], 1)
    layers = [
        Layer("input", "input", whole),
        Layer("slice", "slice", part, ("input",)),
        Layer("cat", "cat", joined, ("input", "slice")),
    ]
    _, (edges, *_) = planes(layers, {})
    of_slice = {(come, to) for source, come, target, to in edges.tolist() if target == 1}
    assert of_slice == {(3, 0), (4, 1), (5, 2)}
    of_join = {(source, come, to) for source, come, target, to in edges.tolist() if target == 2}
    assert of_join == {*((0, n, n) for n in range(8)), *((1, n, 8 + n) for n in range(3))}


def test_signed_bytes_keep_zero_and_the_sign() -> None:
    values = torch.tensor([[0.0, 1.0, -1.0, 0.5]])
    told, (_, _, plane) = planes([Layer("input", "input", values)], {})
    assert told[0]["largest"] == 1.0
    assert plane.ravel().tolist() == [128, 255, 1, 192]


def test_a_feature_map_comes_about_by_its_kernels(looking: Looking) -> None:
    ask = looking("lenet5")
    given = drawn(ask, "lenet5").planes[0].tobytes()
    model = open_run(ask.studio.run("lenet5").path).model
    model.requires_grad_(False)
    convolutions = [m for m in model.inference_network if isinstance(m, torch.nn.Conv2d)]
    for layer, module in zip(("network.1", "network.4"), convolutions, strict=True):
        answer = ask("see.unit", given, run="lenet5", layer=layer, unit=2)
        data, (own, maps, kernels) = answer.data, answer.planes
        assert data["how"] == "convolution"
        assert data["bias"] == pytest.approx(float(module.bias[2]))
        channels = [each["unit"] for each in data["inputs"]][: len(kernels)]
        assert np.allclose(kernels, module.weight[2, channels].detach().numpy())
        if len(kernels) == module.in_channels:
            tall, wide = kernels.shape[1:]
            window = maps[:, 3 : 3 + tall, 5 : 5 + wide]
            assert own[3, 5] == pytest.approx((window * kernels).sum() + data["bias"], abs=1e-3)
        strengths = [each["strength"] for each in data["inputs"]]
        assert strengths == sorted(strengths, reverse=True)


def test_a_number_comes_about_by_its_weights(looking: Looking) -> None:
    ask = looking("lenet5")
    given = drawn(ask, "lenet5").planes[0].tobytes()
    model = open_run(ask.studio.run("lenet5").path).model.requires_grad_(False)
    network = model.inference_network
    answer = ask("see.unit", given, run="lenet5", layer="network.12", unit=7)
    data = answer.data
    assert data["how"] == "weights" and data["bias"] == pytest.approx(float(network[12].bias[7]))
    for each in data["inputs"]:
        assert each["weight"] == pytest.approx(float(network[12].weight[7, each["unit"]]))
        assert each["strength"] == pytest.approx(each["weight"] * each["value"], abs=1e-5)
    of_maps = ask("see.unit", given, run="lenet5", layer="network.8", unit=3)
    _, maps, weights = of_maps.planes
    channels = [each["unit"] for each in of_maps.data["inputs"]][: len(weights)]
    expected = network[8].weight[3].view(16, 5, 5)[channels].detach().numpy()
    assert np.allclose(weights, expected) and maps.shape == weights.shape
    pooled = ask("see.unit", given, run="lenet5", layer="network.2", unit=1)
    own, maps = pooled.planes
    assert pooled.data["how"] == "pooling"
    assert own[4, 6] == maps[0, 8:10, 12:14].max()
    rectified = ask("see.unit", given, run="lenet5", layer="network.3", unit=1)
    assert rectified.data["how"] == "same"
    assert np.array_equal(rectified.planes[0], np.maximum(rectified.planes[1][0], 0))


def test_saliency_is_the_occlusion_of_classify(looking: Looking) -> None:
    from rockfall.kit.occlusion import occlusion

    ask = looking("lenet5")
    given = drawn(ask, "lenet5").planes[0]
    answer = ask("see.saliency", given.tobytes(), run="lenet5", label=7)
    run = open_run(ask.studio.run("lenet5").path)
    picture = torch.from_numpy(given.copy()).view(1, 8, 8)
    ground = run.record.info["statistics"]["mean"]
    with torch.no_grad():
        expected = occlusion(run.model.eval().classify, picture, 7, ground)
    assert answer.data["class"] == "7"
    assert np.allclose(answer.planes[0], expected, atol=1e-6)


@pytest.mark.long
def test_examples_and_machines_without_classes(looking: Looking) -> None:
    ask = looking("rbm")
    opened = ask("see.open", run="rbm").data
    assert opened["kind"] == "pictures" and opened["layered"] and not opened["classifies"]
    answer = ask("see.example", run="rbm", index=3)
    source = ask.studio.run("rbm").record().open_source()
    assert np.array_equal(answer.planes[0], source.test.inputs[3].flatten().numpy())
    assert answer.data["probabilities"] == []
    names = [layer["name"] for layer in answer.data["layers"]]
    assert names == ["input", "visible units", "hidden units", "reconstruction"]
    filters = ask("see.unit", answer.planes[0].tobytes(), run="rbm", layer="hidden units", unit=0)
    model = open_run(ask.studio.run("rbm").path).model
    assert np.allclose(filters.planes[2][0], model.filters()[0, 0].numpy(), atol=1e-6)


@pytest.mark.long
def test_a_game_is_stepped_through(looking: Looking) -> None:
    ask = looking("pqn")
    assert ask("see.open", run="pqn").data["kind"] == "game"
    played = ask("see.game", run="pqn", seed=1)
    (observations,) = played.planes
    assert len(played.data["actions"]) == len(played.data["rewards"]) >= len(observations) - 1
    same = ask("see.game", run="pqn", seed=1)
    assert np.array_equal(observations, same.planes[0])
    answer = ask("see.input", observations[4].tobytes(), run="pqn")
    assert answer.data["layers"][-1]["units"] == 3
    best = answer.planes[-1].ravel().argmax()
    assert played.data["actions"][4] == str(best)


@pytest.mark.parametrize(
    ("ask", "fields", "attached", "complaint"),
    [
        ("see.draw", {"side": 20}, b"", "a sheet of 20 × 20 is 400 bytes"),
        ("see.draw", {"side": 10**6}, b"", "less than or equal to"),
        ("see.input", {}, b"123", "an input of lenet5 is 64 bytes, not 3"),
        ("see.unit", {"layer": "nothing", "unit": 0}, bytes(64), "has no layer nothing"),
        ("see.unit", {"layer": "network.1", "unit": 6}, bytes(64), "has 6 units"),
        ("see.saliency", {"label": 10}, bytes(64), "has 10 classes"),
        ("see.game", {}, b"", "plays no game"),
        ("see.picture", {}, b"GIF89a", "picture"),
        ("see.picture", {}, b"", "no picture came with it"),
    ],
)
def test_what_is_refused(
    looking: Looking, ask: str, fields: dict[str, Any], attached: bytes, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        looking("lenet5")(ask, attached, run="lenet5", **fields)
