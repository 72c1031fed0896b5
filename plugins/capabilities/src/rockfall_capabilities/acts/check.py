"""What the conformance kit asks of a model that acts."""

from __future__ import annotations

import torch

from rockfall import Environment
from rockfall_capabilities.acts.protocol import Acts


def check(model: Acts, source: Environment) -> None:
    """Actions are integers in range, one an observation, and the same for the same input."""
    batch = source.batch(5, seed=0)
    observations = batch.observation.clone()
    batch.close()
    actions = model.act(observations)
    assert actions.shape == (5,), f"act gave shape {tuple(actions.shape)} for 5 observations"
    assert not actions.is_floating_point(), "act must give integers"
    assert source.info.actions is not None
    assert ((actions >= 0) & (actions < source.info.actions)).all(), "act gave an unknown action"
    assert torch.equal(actions, model.act(observations)), "the final policy must be deterministic"
    assert torch.equal(actions[:2], model.act(observations[:2])), "an action depends on its batch"
