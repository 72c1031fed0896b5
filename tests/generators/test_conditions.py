"""Classes as numbers, as often as in the data, and beside examples."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rockfall.kit.randomness import fork_rng
from rockfall_generators.cgan import Cgan
from rockfall_generators.conditions import ClassConditions, concatenate
from tests.generators.small_gans import built, pictures, vectors


def test_labels_are_drawn_as_often_as_they_were_learned() -> None:
    conditions = ClassConditions(pictures(classes=4).info)
    conditions.fit(torch.tensor([0] * 10 + [1] * 60 + [3] * 30))
    torch.manual_seed(0)
    drawn = conditions.sample_labels(20_000)
    shares = drawn.bincount(minlength=4) / len(drawn)
    assert drawn.dtype == torch.int64
    assert torch.allclose(shares, torch.tensor([0.1, 0.6, 0.0, 0.3]), atol=0.015)
    assert shares[2] == 0
    torch.manual_seed(0)
    assert torch.equal(conditions.sample_labels(20_000), drawn)


def test_shares_are_kept_with_the_weights() -> None:
    fitted, loaded = (ClassConditions(pictures(classes=2).info) for _ in range(2))
    fitted.fit(torch.tensor([0, 1, 1, 1]))
    loaded.load_state_dict(fitted.state_dict())
    assert loaded.shares.tolist() == [0.25, 0.75]


def test_one_hot() -> None:
    given = ClassConditions(pictures(classes=3).info)(torch.tensor([2, 0]))
    assert given.dtype == torch.float32
    assert given.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_one_class_is_no_choice() -> None:
    with pytest.raises(ValueError, match="made-up is left with"):
        ClassConditions(vectors(classes=1).info)


def test_joined_to_vectors_and_as_planes_to_pictures() -> None:
    conditions = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    numbers, drawn = torch.randn(2, 3), torch.randn(2, 3, 4, 5)
    assert torch.equal(concatenate(numbers, conditions), torch.cat((numbers, conditions), 1))
    both = concatenate(drawn, conditions)
    assert both.shape == (2, 5, 4, 5)
    assert torch.equal(both[:, :3], drawn)
    for example in range(2):
        for k in range(2):
            assert (both[example, 3 + k] == conditions[example, k]).all()
    assert concatenate(drawn, conditions[:, :0]) is drawn


def test_blends_of_classes_stay_shares() -> None:
    conditions = ClassConditions(pictures(classes=3).info)
    latents = torch.tensor([[9.0, 1, 0, 0], [8, 0.7, 0.7, 0], [7, 1.5, -0.5, 0], [6, 0, 0, 0]])
    expected = torch.tensor([[9.0, 1, 0, 0], [8, 0.5, 0.5, 0], [7, 1, 0, 0], [6, 0, 0, 0]])
    assert torch.equal(conditions.on_simplex(latents), expected)


def test_guidance_is_asked_for() -> None:
    """A blend can't exaggerate a class; guidance can."""
    data = pictures(classes=3)
    model = built(Cgan, data, latent=4)
    labels = torch.tensor([0, 1, 2])
    plain, stronger, weaker = (
        seeded(lambda by=by: model.sample_of(labels, by)) for by in (1, 3, 0.5)
    )
    assert torch.equal(plain, seeded(lambda: model.sample_of(labels)))
    assert not torch.equal(plain, stronger) and not torch.equal(plain, weaker)
    guided = built(Cgan, data, latent=4, guidance=3.0)
    guided.load_state_dict(model.state_dict())
    assert torch.equal(stronger, seeded(lambda: guided.sample_of(labels)))
    latents = model.latents(data.train.inputs[:2], torch.tensor([0, 1]))
    exaggerated = latents.clone()
    exaggerated[:, 4:] *= 1.5
    assert torch.equal(model.decode(latents), model.decode(exaggerated))


def seeded(draw: Callable[[], Tensor]) -> Tensor:
    with fork_rng(3):
        return draw()
