"""The painter's networks: sizes, initialisations, and what precision their first layer keeps."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from rockfall.testing import pretend_device
from rockfall_canvas import networks
from rockfall_canvas.coordinates import Extent
from rockfall_canvas.feature_grid import (
    FeatureGrid,
    interpolate,
    interpolate_by_gathering,
    resolutions,
)
from rockfall_canvas.fourier import Fourier
from rockfall_canvas.relu_mlp import ReluMlp, parameter_count, width_for
from rockfall_canvas.siren import OMEGA, SineLayer, Siren

EXTENT = Extent.of(429, 300)


def made(network: networks.Name) -> nn.Module:
    torch.manual_seed(0)
    return networks.build(network, networks.resolve(network, {}), EXTENT, 429)


def size(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def coordinates(count: int) -> Tensor:
    spread = torch.rand(count, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return spread * torch.tensor((EXTENT.width, EXTENT.height))


@pytest.mark.parametrize("network", networks.DEFAULTS)
def test_coordinates_become_colours(network: networks.Name) -> None:
    painted = made(network)(coordinates(10))
    assert painted.shape == (10, 3)
    assert painted.isfinite().all()
    assert painted.abs().max() < 10


def test_shallow_has_as_many_parameters_as_relu() -> None:
    deep, shallow = size(made("relu")), size(made("shallow"))
    assert deep == 3 * 300 + 3 * 301 * 300 + 3 * 301
    assert abs(deep - shallow) < 6
    assert len([m for m in made("shallow").modules() if isinstance(m, nn.Linear)]) == 2


@given(st.integers(10, 10**7), st.integers(1, 10))
def test_the_width_for_a_number_of_parameters(count: int, layers: int) -> None:
    hidden = width_for(count, layers)
    off = abs(parameter_count(layers, hidden) - count)
    for other in (hidden - 1, hidden + 1):
        if other:
            assert off <= abs(parameter_count(layers, other) - count)


@pytest.mark.parametrize(("layers", "hidden"), [(1, 7), (2, 5), (5, 16)])
def test_parameters_are_counted_right(layers: int, hidden: int) -> None:
    assert parameter_count(layers, hidden) == size(ReluMlp(layers, hidden))


def test_layers_and_hidden_are_the_hidden_ones() -> None:
    for network in (ReluMlp(3, 8), Siren(3, 8, 30.0), Fourier(3, 8, 1.0)):
        linear = [m for m in network.modules() if isinstance(m, nn.Linear)]
        assert linear[-1].out_features == 3
        assert {layer.out_features for layer in linear[:-1]} == {8}
        assert len(linear) - 1 == 3


@pytest.mark.parametrize("layers", [2, 6])
def test_within_every_sine_is_the_standard_normal_distribution(layers: int) -> None:
    """Sitzmann et al. 2020, section 3.2: however deep; the inputs of the whole extent."""
    torch.manual_seed(0)
    network = Siren(layers, 512, 30.0)
    summed: list[Tensor] = []
    for layer in network.rest:
        assert isinstance(layer, SineLayer)
        layer.register_forward_hook(
            lambda layer, given, _: summed.append(
                OMEGA * nn.functional.linear(given[0], layer.weight, layer.bias)
            )
        )
    network(torch.rand(2000, 2) * 2 - 1)
    assert len(summed) == layers - 1
    for each in summed:
        assert each.mean().abs() < 0.3
        assert 0.8 < each.std() < 1.6


def test_the_first_layer_of_a_siren_is_drawn_as_in_the_paper() -> None:
    weight = Siren(1, 2000, 30.0).first.weight  # of two inputs: U(−1/2, 1/2)
    assert 0.49 < weight.abs().max() <= 0.5
    assert weight.std().item() == pytest.approx(1 / 12**0.5, rel=0.05)


def test_a_sine_layer_is_the_papers() -> None:
    torch.manual_seed(0)
    layer, given = SineLayer(16), torch.rand(5, 16)
    expected = torch.sin(OMEGA * (given @ layer.weight.T + layer.bias))
    assert torch.allclose(layer(given), expected, atol=1e-5)


def test_fourier_features_are_waves_of_the_asked_fineness() -> None:
    torch.manual_seed(0)
    network = Fourier(1, 2000, 7.0)
    assert network.frequencies.std().item() == pytest.approx(2 * math.pi * 7, rel=0.05)
    seen: list[Tensor] = []
    network.rest.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(coordinates(3))
    waves = coordinates(3) @ network.frequencies
    assert torch.allclose(seen[0], torch.cat((waves.cos(), waves.sin()), 1))


def test_a_grid_is_interpolated_between_its_vertices() -> None:
    torch.manual_seed(0)
    extent = Extent.of(50, 100)
    network = FeatureGrid(1, 4, 1, 5, extent)
    table = network.tables[0]
    assert table.shape[2:] == (2, 5)  # 2.5 rows
    seen: list[Tensor] = []
    network.rest.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(torch.tensor([[-1.0, -0.5], [1.0, -0.5], [-1.0, 0.5], [0.25, -0.25]]))
    (found,) = seen
    features = table[0].detach()
    assert torch.allclose(found[0], features[:, 0, 0])
    assert torch.allclose(found[1], features[:, 0, 4])
    assert torch.allclose(found[2], features[:, 1, 0])
    across = [features[:, row, 2] * 0.5 + features[:, row, 3] * 0.5 for row in (0, 1)]
    assert torch.allclose(found[3], 0.75 * across[0] + 0.25 * across[1], atol=1e-7)


def test_grids_grow_by_one_factor_from_the_coarsest_to_the_finest() -> None:
    found = resolutions(5, 256, Extent.of(100, 50))
    assert [rows for rows, _ in found] == [16, 32, 64, 128, 256]
    assert [columns for _, columns in found] == [8, 16, 32, 64, 128]
    assert resolutions(3, 2, Extent.of(1, 1000)) == [(2, 2)] * 3


@pytest.mark.parametrize("network", ["siren", "fourier", "relu", "shallow", "grid"])
def test_the_coordinate_layer_keeps_float32(network: networks.Name) -> None:
    """In bf16, all of these coordinates would be equal."""
    beside = 0.6975 + torch.arange(8) * 2e-4
    near = torch.stack((beside * EXTENT.width, beside), 1)
    assert len(near.bfloat16().unique(dim=0)) == 1
    fine = {"omega_0": 9000.0, "sigma": 2000.0}
    defaults = networks.resolve(network, {})
    settings = {name: fine.get(name, value) for name, value in defaults.items()}
    torch.manual_seed(0)
    built = networks.build(network, settings, EXTENT, 429)
    if isinstance(built, FeatureGrid):
        nn.init.normal_(built.tables[-1], std=100.0)
    elif isinstance(built, ReluMlp):
        nn.init.normal_(built.first.weight, std=3000.0)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        painted = built(near)
    # All else does not; nothing else is in `shallow`.
    assert painted.dtype == (torch.float32 if network == "shallow" else torch.bfloat16)
    assert len(painted.unique(dim=0)) > 4


@pytest.mark.parametrize(
    ("network", "setting"),
    [("relu", "omega_0"), ("shallow", "layers"), ("siren", "sigma"), ("fourier", "finest_spacing")],
)
def test_settings_of_other_networks_are_refused(network: networks.Name, setting: str) -> None:
    networks.check_settings(network, {setting: None})
    with pytest.raises(ValueError, match=f"{setting} is a setting of .*, not of {network}"):
        networks.check_settings(network, {setting: 3})


def test_given_settings_override_the_networks_defaults() -> None:
    resolved = networks.resolve("siren", {"hidden": 12, "lr": None, "holdout": 0.3})
    assert resolved["hidden"] == 12
    assert resolved["lr"] == networks.DEFAULTS["siren"]["lr"]
    assert resolved.keys() == networks.DEFAULTS["siren"].keys()


def test_features_gathered_are_those_interpolated() -> None:
    """Inside, on vertices, on the edge and a little beyond; and so are their gradients."""
    torch.manual_seed(0)
    table = torch.randn(1, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    places = torch.rand(50, 2, dtype=torch.float64) * 2.2 - 1.1
    corners = torch.tensor([(x, y) for x in (-1.0, 0.2, 1.0) for y in (-1.0, 1 / 3, 1.0)])
    places = torch.cat((places, corners.double()))
    upstream = torch.randn(3, len(places), dtype=torch.float64)
    found = []
    for features in (interpolate(table, places), interpolate_by_gathering(table, places)):
        (gradient,) = torch.autograd.grad((features * upstream).sum(), table)
        found.append((features, gradient))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.long
def test_a_grid_is_trained_by_deterministic_algorithms() -> None:
    """On CUDA, where the interpolation's own gradient is refused."""
    with pretend_device():
        network = FeatureGrid(1, 8, 2, 8, Extent(1.0, 1.0)).to("cuda")
        torch.use_deterministic_algorithms(True)
        try:
            network(torch.rand(9, 2, device="cuda")).square().sum().backward()
        finally:
            torch.use_deterministic_algorithms(False)
        assert all(table.grad is not None and table.grad.any() for table in network.tables)
