"""Gatys' method through `rockfall.train`: what comes out, and every way in which it can't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import rockfall
from rockfall.errors import ConfigError, RockfallError, UsageError
from rockfall.kit import memory
from rockfall.kit.pictures import load, save
from rockfall.run.run import Run
from rockfall.sources.picture import Picture
from rockfall_style import restyles
from rockfall_style.colour_preservation import luminance
from rockfall_style.gatys import Gatys, load_inputs, objective
from rockfall_style.losses import gram, style_loss
from rockfall_style.objective import guidance_channels
from rockfall_style.resizing import resize_uint8, to_float


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 × 64, smooth, with an edge."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 80), indexing="ij")
    shape = ((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.08).float()
    pixels = torch.stack((0.3 + 0.5 * x, 0.7 - 0.4 * y * shape, 0.2 + 0.4 * y))
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    return save(path, (pixels * 255).round().to(torch.uint8))


@pytest.fixture
def painted(photo: Path, tmp_path: Path) -> Any:
    def paint(**settings: Any) -> Run:
        chosen = {"style": "woodcut", "features": "random-vgg", "steps": 8, "scales": 1, **settings}
        how = {"device": "cpu", "threads": 1, "precision": "float32"}
        return rockfall.train("gatys", str(photo), out=tmp_path, listeners=[], config=chosen, **how)

    return paint


def result(run: Run) -> Tensor:
    return run.model.paint(64, 80)  # type: ignore[attr-defined, no-any-return]


def logged(run: Run, name: str) -> list[float]:
    return [line[name] for line in run.metrics if name in line]


def config(**settings: Any) -> Any:
    return Gatys.Config(**{"style": ("woodcut",), **settings})


# What comes out ------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_loss_falls_and_style_comes_in(painted: Any, optimizer: str) -> None:
    run = painted(optimizer=optimizer, steps=15)
    losses = logged(run, "loss")
    assert len(losses) == 15
    assert losses[-1] < losses[0] / 2
    figures = run.result["figures"]
    style, content = figures["style loss"], figures["content loss"]
    assert style["value"] < style["baselines"]["photo"]["value"] / 2
    assert 0 < content["value"] < content["baselines"]["noise"]["value"]
    assert content["baselines"]["photo"]["value"] == 0


@pytest.mark.long
def test_the_features_of_our_own_bring_the_colours_of_the_style(tmp_path: Path) -> None:
    """Its mean as well, which the products of normalised colours alone do not tell."""
    run = rockfall.train(
        "gatys",
        "china",
        source_options={"size": 96},
        out=tmp_path,
        listeners=[],
        config={"style": "brush-strokes", "steps": 40, "scales": 1},
        device="cpu",
        threads=1,
        precision="float32",
    )
    assert run.record.config["features"] == "cifar-vgg"
    style, before = (
        rockfall.open_source(name).pixels.float().mean((1, 2))
        for name in ("brush-strokes", "china")
    )
    after = run.model.paint(64, 96).float().mean((1, 2))  # type: ignore[attr-defined]
    assert (after - style).norm() < (before - style).norm() / 2


@pytest.mark.long
def test_without_style_and_smoothing_the_photo_stays(painted: Any, photo: Path) -> None:
    run = painted(style_weight=0, tv_weight=0)
    assert (result(run).int() - load(photo).int()).abs().max() <= 1


def test_each_scale_is_a_loop_of_its_own(painted: Any) -> None:
    run = painted(scales=2, steps=4, tv_weight=0)
    assert run.step == 4  # half of 64 is too small to be worth it
    *_, last = logged(run, "loss")
    assert last < logged(run, "loss")[0]


@pytest.mark.long
def test_scales_that_fit_are_all_walked(tmp_path: Path) -> None:
    run = rockfall.train(
        "gatys",
        "china",
        source_options={"size": 260},
        out=tmp_path,
        listeners=[],
        device="cpu",
        config={"steps": 2, "scales": 4, "style": "woodcut"},
    )
    assert run.step == 2 * 2  # 174 and 87 along the shorter side, and no 43


def test_a_narrow_style_is_not_made_too_small_to_be_seen(photo: Path, tmp_path: Path) -> None:
    narrow = save(tmp_path / "narrow.png", torch.zeros(3, 60, 17, dtype=torch.uint8))
    settings = config(style=(str(narrow),))
    inputs = load_inputs(settings, load(photo), margin=0)
    targets = objective(settings, inputs, 0.5).regions[0].targets
    assert set(targets) == set(inputs.network.style_layers)


@pytest.mark.long
@pytest.mark.parametrize("init", ["photo", "noise"])
def test_a_masked_picture_is_the_photo_where_the_mask_is_black(
    painted: Any, photo: Path, tmp_path: Path, init: str
) -> None:
    mask = torch.zeros(3, 64, 80, dtype=torch.uint8)
    mask[:, :, 40:] = 255
    run = painted(mask=str(save(tmp_path / "mask.png", mask)), init=init)
    given, found = load(photo), result(run)
    assert torch.equal(found[:, :, :40], given[:, :, :40])
    assert (found[:, :, 40:] != given[:, :, 40:]).any(0).float().mean() > 0.9


@pytest.mark.long
def test_a_white_mask_is_none(painted: Any, tmp_path: Path) -> None:
    white = torch.full((3, 9, 9), 255, dtype=torch.uint8)
    run = painted(mask=str(save(tmp_path / "mask.png", white)))
    torch.testing.assert_close(
        logged(run, "loss")[0], logged(painted(), "loss")[0], rtol=1e-3, atol=0
    )


def test_a_black_mask_is_refused(painted: Any, tmp_path: Path) -> None:
    black = save(tmp_path / "mask.png", torch.zeros(3, 9, 9, dtype=torch.uint8))
    with pytest.raises(UsageError, match="black all over"):
        painted(mask=str(black))


def test_only_what_is_painted_has_style() -> None:
    """A picture whose painted half is in the style has no style loss, whatever the rest."""
    style = torch.rand(1, 4, 8, 6)
    other = torch.cat((style, torch.rand(1, 4, 8, 6) * 9), 3)
    mask = torch.cat((torch.ones(1, 1, 8, 6), torch.zeros(1, 1, 8, 6)), 3)
    guide = guidance_channels(mask, {"a": other}, ("a",))["a"]
    assert guide.square().mean() == pytest.approx(1)
    assert style_loss({"a": other * guide}, {"a": gram(style)}) < 1e-9
    assert style_loss({"a": other}, {"a": gram(style)}) > 1


@pytest.mark.long
def test_colours_can_be_preserved(painted: Any, photo: Path) -> None:
    """Differences of two channels are chrominance: they stay, but where black or white cut off."""
    given, found = load(photo).int(), result(painted(preserve_colours=True)).int()
    inside = ((found > 0) & (found < 255)).all(0)
    assert inside.float().mean() > 0.5
    for one, other in ((0, 1), (1, 2)):
        apart = (found[one] - found[other]) - (given[one] - given[other])
        assert apart[inside].abs().max() <= 1
    changed = (luminance(to_float(found)) - luminance(to_float(given))).abs().mean()
    assert changed > 0.02
    coloured = result(painted()).int()
    assert ((coloured[0] - coloured[1]) - (given[0] - given[1])).abs().max() > 10


@pytest.mark.long
def test_two_styles_are_mixed_by_their_weights(photo: Path) -> None:
    def wanted(**settings: Any) -> dict[str, Tensor]:
        chosen = config(**settings)
        inputs = load_inputs(chosen, load(photo), margin=0)
        return objective(chosen, inputs, 1.0).regions[0].targets

    first = wanted(style=("woodcut",))
    second = wanted(style=("stained-glass",))
    mixed = wanted(style=("woodcut", "stained-glass"), blend_weights=(1.0, 3.0))
    even = wanted(style=("woodcut", "stained-glass"))
    for name in first:
        torch.testing.assert_close(mixed[name], first[name] / 4 + second[name] * 3 / 4)
        torch.testing.assert_close(even[name], (first[name] + second[name]) / 2)


def test_mixing_finds_what_summing_the_losses_does(photo: Path) -> None:
    """Gatys sums the losses of several styles; ours must go the same way."""
    grams = [torch.rand(1, 3, 3) for _ in range(2)]
    features = torch.rand(1, 3, 4, 4, requires_grad=True)
    mixed = 0.25 * grams[0] + 0.75 * grams[1]
    size = mixed.square().mean()
    (ours,) = torch.autograd.grad(style_loss({"a": features}, {"a": mixed}) * size, features)
    summed = sum(
        share * (gram(features) - one).square().mean()
        for share, one in zip((0.25, 0.75), grams, strict=True)
    )
    assert isinstance(summed, Tensor)
    (theirs,) = torch.autograd.grad(summed, features)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("scale", "sides"), [(1, (48, 64)), (0.5, (24, 32)), (2, (96, 128))])
def test_strokes_are_as_large_as_the_scale_says(
    photo: Path, tmp_path: Path, scale: float, sides: tuple[int, int]
) -> None:
    """Of a style that is smaller than the photo, as large, or larger: from 1, which is the least of
    both, and as the file has it, not as it was made smaller first.
    """
    small = save(tmp_path / "small.png", torch.randint(256, (3, 48, 64), dtype=torch.uint8))
    large = save(tmp_path / "large.png", torch.randint(256, (3, 240, 320), dtype=torch.uint8))
    inputs = load_inputs(
        config(style=(str(small), str(large)), style_scale=(scale,)), load(photo), margin=0
    )
    assert inputs.styles[0].shape[2:] == sides
    assert inputs.styles[1].shape[2:] == (round(60 * scale), round(80 * scale))
    wanted = resize_uint8(load(large), round(60 * scale), round(80 * scale))
    assert torch.equal(inputs.styles[1], to_float(wanted))


def test_each_style_can_have_a_scale(photo: Path) -> None:
    chosen = config(style=("woodcut", "stained-glass"), style_scale=(0.5, 2.0))
    assert [each.shape[2] for each in load_inputs(chosen, load(photo), margin=0).styles] == [
        40,
        160,
    ]


def halves(tmp_path: Path) -> tuple[str, str]:
    """Masks of the left and the right half."""
    left = torch.zeros(3, 64, 80, dtype=torch.uint8)
    left[:, :, :40] = 255
    return str(save(tmp_path / "left.png", left)), str(save(tmp_path / "right.png", 255 - left))


@pytest.mark.long
def test_each_style_is_where_its_mask_is(painted: Any, photo: Path, tmp_path: Path) -> None:
    """Each half of the picture is nearer to its own style than the other half is."""
    styles = [tmp_path / "red.png", tmp_path / "blue.png"]
    noise = torch.randint(256, (3, 64, 64), dtype=torch.uint8)
    for path, kept in zip(styles, (0, 2), strict=True):
        coloured = torch.full_like(noise, 20)
        coloured[kept] = noise[kept]
        save(path, coloured)
    words = ",".join(map(str, styles))
    for masks in (halves(tmp_path), halves(tmp_path)[:1]):  # what the first leaves is the last's
        found = result(painted(style=words, style_masks=",".join(masks), steps=25)).float()
        redder = (found[0] - found[2]) - (load(photo)[0].float() - load(photo)[2].float())
        assert redder[:, :32].mean() > 10 > -10 > redder[:, 48:].mean()


def test_masks_of_one_style_twice_are_that_style(photo: Path, tmp_path: Path) -> None:
    """Over the whole picture each has the loss without masks, and over halves that of the Gram
    matrices of each half, by its area and weight.
    """
    left, right = halves(tmp_path)
    white = str(save(tmp_path / "white.png", torch.full((3, 8, 8), 255, dtype=torch.uint8)))
    pixels = load(photo)

    def losses(**settings: Any) -> tuple[Any, Any]:
        chosen = config(style=("woodcut", "woodcut"), **settings)
        loss_of = objective(chosen, load_inputs(chosen, pixels, margin=0), 1.0)
        return loss_of, loss_of.losses(to_float(pixels).flip(3))

    _, wanted = losses()
    both, found = losses(style_masks=(white, white))
    assert [region.share for region in both.regions] == pytest.approx([1, 1])
    assert found.style.item() == pytest.approx(2 * wanted.style.item(), rel=1e-4)
    split, parts = losses(style_masks=(left, right), blend_weights=(3.0, 1.0))
    assert [region.share for region in split.regions] == pytest.approx([0.75, 0.25], abs=1e-3)
    values = split.network(to_float(pixels).flip(3))["relu1_1"]
    expected = found_there = 0.0
    for region, place in zip(split.regions, (slice(0, 40), slice(40, 80)), strict=True):
        target = region.targets["relu1_1"]
        error = (gram(values[..., place]) - target).square().mean() / target.square().mean()
        expected += region.share * error.item()
        inside = {"relu1_1": values * region.guides["relu1_1"]}
        found_there += region.share * style_loss(inside, {"relu1_1": target}, region.least).item()
    assert found_there == pytest.approx(expected, rel=1e-3)
    assert parts.style.isfinite()


def test_masks_and_a_mask(photo: Path, tmp_path: Path) -> None:
    """A style's region is what both leave; shares are of what may change."""
    left, right = halves(tmp_path)
    top = torch.zeros(3, 64, 80, dtype=torch.uint8)
    top[:, :32] = 255
    above = str(save(tmp_path / "top.png", top))
    chosen = config(style=("woodcut", "stained-glass"), style_masks=(left,), mask=above)
    inputs = load_inputs(chosen, load(photo), margin=0)
    assert inputs.style_masks is not None
    for mask, columns in zip(inputs.style_masks, (slice(0, 40), slice(40, 80)), strict=True):
        assert mask[0, 0, :32, columns].min() == 1 and mask.sum() == 32 * 40
    shares = [region.share for region in objective(chosen, inputs, 1.0).regions]
    assert shares == pytest.approx([0.5, 0.5])
    chosen = config(style=("woodcut", "stained-glass"), style_masks=(left, right), mask=left)
    with pytest.raises(UsageError, match="leave nothing of the picture to the style stained-glass"):
        load_inputs(chosen, load(photo), margin=0)


@pytest.mark.long
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.tuples(*[st.integers(0, 255)] * 3) | st.just((124, 116, 104)),
    st.tuples(*[st.integers(0, 255)] * 3) | st.none(),
    st.booleans(),
)
def test_a_style_or_a_photo_of_one_colour(
    photo: Path,
    tmp_path: Path,
    style: tuple[int, int, int],
    content: tuple[int, int, int] | None,
    preserve: bool,
) -> None:
    """The losses are of the size that they have for any other, and so are their gradients."""
    flat = Image.new("RGB", (40, 40), style)
    flat.save(tmp_path / "flat.png")
    pixels = load(photo)
    if content is not None:
        pixels = torch.tensor(content, dtype=torch.uint8).view(3, 1, 1).expand(3, 64, 80)
    chosen = config(style=(str(tmp_path / "flat.png"),), preserve_colours=preserve)
    inputs = load_inputs(chosen, pixels, margin=0)
    loss_of = objective(chosen, inputs, 1.0)
    values = (inputs.content + 0.05 * torch.randn_like(inputs.content)).requires_grad_()
    found = loss_of.losses(values)
    found.total.backward()
    assert values.grad is not None and values.grad.isfinite().all()
    if content is None:
        assert found.style < 110 and found.content < 110


@pytest.mark.long
def test_it_can_begin_with_any_picture(painted: Any, tmp_path: Path) -> None:
    """So that one goes on from another's result, or a film's frame from the one before it."""
    first = painted(steps=10)
    path = save(tmp_path / "first.png", result(first))
    second = painted(steps=1, init=str(path))
    assert logged(second, "loss")[0] == pytest.approx(logged(first, "loss")[-1], rel=0.2)
    assert logged(second, "loss")[0] < logged(first, "loss")[0] / 2
    with pytest.raises(UsageError, match=r"init \(photo, noise or a picture\): no picture phot: "):
        painted(init="phot")


def test_noise_is_the_seeds(photo: Path) -> None:
    pixels = load(photo)
    model = Gatys(config(init="noise"), Picture("here", pixels).info)
    inputs = load_inputs(model.config, pixels, margin=0)
    torch.manual_seed(0)
    first = model.initial_values(inputs)
    assert not torch.equal(first, model.initial_values(inputs))
    torch.manual_seed(0)
    assert torch.equal(first, model.initial_values(inputs))


def test_the_gradient_is_that_of_finite_differences(photo: Path) -> None:
    pixels = load(photo)[:, :24, :24]
    inputs = load_inputs(config(), pixels, margin=0)
    loss_of = objective(config(), inputs, 1.0)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(inputs.content.shape, generator=generator)
    values = (inputs.content + 0.1 * noise).double()
    loss_of.network.double()
    region = loss_of.regions[0]
    for targets in (region.targets, region.least, loss_of.content_targets, loss_of.least):
        targets.update({name: target.double() for name, target in targets.items()})
    values.requires_grad_()
    (slope,) = torch.autograd.grad(loss_of.losses(values)[2], values)
    step = 1e-8 * torch.randn(values.shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        ends = [loss_of.losses(values + sign * step)[2].item() for sign in (1, -1)]
    assert (slope * step).sum().item() == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-3)


@pytest.mark.parametrize(("shift", "cut"), [(0.0, 0.0), (0.75, 0.25**2), (-1.0, 0.5**2)])
@torch.no_grad()
def test_what_would_be_cut_off_counts(photo: Path, shift: float, cut: float) -> None:
    """Of a grey picture that is shifted: what remains of the loss beside its other parts."""
    settings = config(tv_weight=7)
    loss_of = objective(settings, load_inputs(settings, load(photo), margin=0), 1.0)
    values = torch.full_like(loss_of.content, 0.5) + shift
    style, content, loss = loss_of.losses(values)
    rest = loss - content - loss_of.network.style_weight * style
    assert rest.item() == pytest.approx(1000 * cut, abs=loss.item() * 1e-5)


def test_it_paints_any_size() -> None:
    pixels = torch.full((3, 8, 6), 77, dtype=torch.uint8)
    assert torch.equal(resize_uint8(pixels, 8, 6), pixels)
    assert torch.equal(resize_uint8(pixels, 31, 5), torch.full((3, 31, 5), 77, dtype=torch.uint8))


def test_it_leaves_pictures_of_its_progress(painted: Any) -> None:
    run = painted(steps=6)
    names = {path.stem for path in run.directory.pictures.iterdir()}
    assert {"painting", "painting-0", "painting-1"} <= names


def test_the_last_checkpoint_holds_little_but_the_picture(painted: Any) -> None:
    size = painted().directory.checkpoint("last").stat().st_size
    assert size < 3 * 64 * 80 + 60_000  # the generators' states are some of it


# What is refused ------------------------------------------------------------------------------


def test_weights_are_as_many_as_styles(painted: Any) -> None:
    with pytest.raises(ConfigError, match="blend_weights: there are 3, and 2 pictures in style"):
        painted(style="woodcut,stained-glass", blend_weights="1,2,3")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"style_scale": "1,2,3"}, "style_scale: there are 3, and 2 pictures in style"),
        ({"style_scale": "0"}, "style_scale.*greater than or equal to 0.1"),
        ({"style_masks": "a,b,c"}, "style_masks: there are 3, and 2 pictures in style"),
        ({"style_masks": "a", "style": "woodcut"}, "for a single one there is mask"),
        ({"style_masks": "woodcu"}, "style_masks: no picture woodcu.*did you mean woodcut"),
    ],
)
def test_what_is_one_a_style_is_as_many(painted: Any, settings: Any, wanted: str) -> None:
    with pytest.raises(UsageError, match=wanted):
        painted(**{"style": "woodcut,stained-glass", **settings})


def test_a_style_that_is_none_is_told_the_nearest(painted: Any) -> None:
    with pytest.raises(UsageError, match="did you mean woodcut"):
        painted(style="woodcutt")


def test_features_that_need_a_normalisation_say_so_before_anything_is_read(painted: Any) -> None:
    with pytest.raises(ConfigError, match=r"need normalisation=imagenet\|caffe"):
        painted(features="some/file.safetensors")
    with pytest.raises(ConfigError, match="normalised as imagenet, not as caffe"):
        painted(normalisation="caffe")


def test_foreign_weights_are_refused(painted: Any, tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(UsageError, match=r"neither .*SqueezeNet"):
        painted(features=str(path), normalisation="caffe")


@pytest.mark.parametrize("size", [(1, 1), (200, 15)])
def test_pictures_that_are_too_small_say_the_least_size(
    painted: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    small = save(tmp_path / "small.png", torch.zeros(3, *size, dtype=torch.uint8))
    with pytest.raises(UsageError, match="features random-vgg need 16 along each side"):
        painted(style=str(small))
    settings = {"style": "woodcut", "features": "random-vgg"}
    with pytest.raises(UsageError, match=rf"the photo has {size[1]} × {size[0]} pixels"):
        rockfall.train("gatys", str(small), out=tmp_path, listeners=[], config=settings)


def test_too_large_a_picture_is_refused_before_it_runs_out(
    painted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda device: 2_000_000)
    monkeypatch.setattr("rockfall_style.gatys.available_memory", lambda device: 2_000_000)
    with pytest.raises(RockfallError, match=r"80 × 64 pixels needs .*source\.size=\d0"):
        painted()


def test_a_checkpoint_of_another_size_is_refused() -> None:
    model = Gatys(config(), Picture("here", torch.zeros(3, 20, 20, dtype=torch.uint8)).info)
    with pytest.raises(ValueError, match="20, 21"):
        model.load_state_dict({"picture": torch.zeros(3, 20, 21, dtype=torch.uint8)})


# The capability --------------------------------------------------------------------------------


class Fake:
    """Restyles, and measures as it is told."""

    def __init__(self, style: Tensor, content: Tensor) -> None:
        self.losses = style, content

    def paint(self, height: int, width: int) -> Tensor:
        return torch.zeros(3, height, width, dtype=torch.uint8)

    def distances(self, photo: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return self.losses


@pytest.mark.parametrize(
    ("style", "content", "complaint"),
    [
        ([1.0, 2.0], [0.0, 1.0], ""),
        ([1.0], [0.0, 1.0], "of two pictures is"),
        ([1.0, float("nan")], [0.0, 1.0], "must be finite"),
        ([1.0, -1.0], [0.0, 1.0], "below 0"),
        ([1.0, 2.0], [0.1, 1.0], "of the photo itself must be 0"),
        ([1.0, 2.0], [0.0, 0.0], "of its negative must be more"),
    ],
)
def test_the_check_finds_what_is_wrong(
    style: list[float], content: list[float], complaint: str
) -> None:
    source = Picture("here", torch.zeros(3, 4, 4, dtype=torch.uint8))
    model = Fake(torch.tensor(style), torch.tensor(content))
    if not complaint:
        restyles.check(model, source)
        return
    with pytest.raises(AssertionError, match=complaint):
        restyles.check(model, source)


# Memory ----------------------------------------------------------------------------------------

MEASURED = """
import pathlib, re, tempfile
import rockfall
from rockfall_style import gatys

def most(size):
    with tempfile.TemporaryDirectory() as folder:
        rockfall.train(
            "gatys", "china", source_options={"size": size}, out=folder, listeners=[],
            device="cpu", precision="float32", threads=1,
            config={"style": "woodcut", "steps": 11, "scales": 1},
        )
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", status)[1])

asked = []
gatys.require_memory = lambda device, size, what, advice: asked.append(size)
before = most(32)
print((most(640) - before) / max(asked))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the most that a process had")
def test_it_takes_nearly_the_memory_that_it_asks_for() -> None:
    """Not more, or it would run out; and not so much less that it refuses what would fit.

    As VmHWM, since ru_maxrss begins with what the process had that began this one.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True
    )
    assert 0.5 < float(done.stdout) < 1.1, done.stdout
