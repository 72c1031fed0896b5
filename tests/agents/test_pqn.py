"""PQN learns, explores with probability ε, and acts greedily by its averaged network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall_agents.pqn import Pqn, PqnConfig, epsilon_greedy


def build(**settings: Any) -> Pqn:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(3,), dtype="float32", actions=2)
    return Pqn(PqnConfig.build("pqn", {"hidden": (4,), **settings}), info)


@pytest.mark.long
def test_explores_epsilon_of_the_time() -> None:
    torch.manual_seed(0)
    q = torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat(10_000, 1)
    for epsilon in (0.0, 0.4, 1.0):
        share = epsilon_greedy(q, torch.tensor(epsilon)).bincount(minlength=4) / len(q)
        expected = epsilon / 4 + (1 - epsilon) * torch.tensor([0.0, 1.0, 0.0, 0.0])
        torch.testing.assert_close(share, expected, atol=0.02, rtol=0)


def test_acts_by_the_averaged_weights() -> None:
    model = build(ema=0.75)
    biases = []
    for update in range(4):  # as long as 1/n weighs more than 1/4: a plain mean
        with torch.no_grad():
            model.q.head.bias.fill_(update)
        model.update_average(update)
        biases.append(model.average.head.bias[0].item())
    assert biases == pytest.approx([0.0, 0.5, 1.0, 1.5])
    model.update_average(100)
    assert model.average.head.bias[0].item() == pytest.approx(0.75 * 1.5 + 0.25 * 3)


def test_with_ema_0_it_acts_by_q() -> None:
    model = build(ema=0.0)
    with torch.no_grad():
        model.q.head.bias.copy_(torch.tensor([9.0, -9.0]))
    model.update_average(0)
    observations = torch.randn(50, 3)
    model.update_average(7)
    assert torch.equal(model.act(observations), model.q(observations).argmax(1))
    assert (model.act(observations) == 0).all()


@pytest.mark.parametrize(
    ("source", "settings", "here", "precision"),
    [
        ("falling-rocks-8x8", {}, True, "bf16"),
        ("falling-rocks-16x16", {}, True, "bf16"),
        ("falling-rocks-16x16", {}, False, "float32"),
        ("falling-rocks-8x8", {"network": "conv"}, True, "float32"),
        ("falling-rocks-8x8", {"network": "vin"}, True, "float32"),
        ("falling-rocks-16x16", {"hidden": (16,)}, True, "float32"),
        ("falling-rocks-16x16", {"batch_size": 32}, True, "float32"),
        ("CartPole-v1", {}, True, "float32"),
        ("CartPole-v1", {"hidden": (512, 512), "batch_size": 1024}, True, "float32"),
    ],
)
def test_bf16_is_for_wide_layers_on_grids_where_the_processor_has_it(
    source: str,
    settings: dict[str, Any],
    here: bool,
    precision: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": here})
    settings = {"steps": 256, "envs": 16, "rollout_steps": 8, **settings}
    run = rockfall.train(
        "pqn",
        source,
        config=settings,
        source_options={"evaluation_episodes": 16},
        device="cpu",
        out=tmp_path,
        listeners=[],
    )
    assert run.record.precision == precision
    assert run.result is not None
    weights = run.model.state_dict().values()
    assert {weight.dtype for weight in weights} == {torch.float32}


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("network", ["mlp", "conv", "vin"])
def test_learns_to_catch(network: str, precision: str, tmp_path: Path) -> None:
    run = rockfall.train(
        "pqn",
        "falling-rocks-8x8",
        source_options={"size": 5},
        network=network,
        precision=precision,
        steps=60_000,
        envs=64,
        batch_size=256,
        out=tmp_path,
        listeners=[],
    )
    assert run.result is not None
    assert run.result["figures"]["score"]["percent_of_oracle"] > 94  # at random: 53
