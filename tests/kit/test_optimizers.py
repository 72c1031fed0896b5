"""Optimizers without the compiler's wrappers are torch's, bit for bit."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch

from rockfall.kit import optimizers
from rockfall.testing.comparing import difference

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("Adam", {"fused": True}),
    ("Adam", {"amsgrad": True, "foreach": True}),
    ("Adam", {"differentiable": False, "foreach": False}),
    ("AdamW", {"fused": True, "betas": (0.5, 0.9), "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.5}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "fused": True}),
]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("Adagrad", {}),
    ("LBFGS", {"max_iter": 3}),
    ("NAdam", {"foreach": True}),
]


def fitted(kind: Callable[..., torch.optim.Optimizer], settings: dict[str, Any]) -> Any:
    """All that a few steps leave: with a schedule, hooks, and a state that is saved and loaded."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    first, *rest = network.parameters()
    optimizer = kind([first], lr=0.01, **settings)
    if kind.__name__ == "LBFGS":  # which takes one group
        optimizer.param_groups[0]["params"].extend(rest)
    else:
        optimizer.add_param_group({"params": rest, "lr": 0.02})
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    called: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: called.append("step"))
    optimizer.register_load_state_dict_post_hook(lambda _: called.append("load"))
    for step in range(6):
        inputs = torch.randn(5, 4)

        def closure(inputs: torch.Tensor = inputs) -> torch.Tensor:
            optimizer.zero_grad()
            loss = network(inputs).square().sum()
            loss.backward()
            return loss

        assert torch.is_grad_enabled()
        optimizer.step(closure)  # type: ignore[arg-type]
        schedule.step()
        if step == 3:
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return network.state_dict(), optimizer.state_dict(), repr(optimizer), called


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_they_are_torch_s_bit_for_bit(name: str, settings: dict[str, Any]) -> None:
    ours, theirs = getattr(optimizers, name), getattr(torch.optim, name)
    assert issubclass(ours, theirs)
    assert not difference(fitted(ours, settings), fitted(theirs, settings))
    assert not difference(fitted(ours, settings), fitted(theirs, settings)), "and so again"


@pytest.mark.parametrize(("name", "settings"), OTHERS)
def test_so_is_any_other(name: str, settings: dict[str, Any]) -> None:
    theirs = getattr(torch.optim, name)
    ours = optimizers.uncompiled(theirs)
    assert not difference(fitted(ours, settings), fitted(theirs, settings))


def test_a_decorated_class_steps_without_gradients() -> None:
    @optimizers.uncompiled
    class Down(torch.optim.Optimizer):
        """Down by one."""

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            for group in self.param_groups:
                for weights in group["params"]:
                    weights.sub_(group["lr"])

    weights = torch.nn.Parameter(torch.ones(2))
    Down([weights], {"lr": 1.0}).step()
    assert weights.tolist() == [0, 0]
    assert Down.__doc__ == "Down by one."


def test_one_can_be_pickled_and_copied() -> None:
    optimizer = optimizers.AdamW([torch.nn.Parameter(torch.ones(2))], lr=0.1, fused=True)
    again = pickle.loads(pickle.dumps(optimizer))
    assert not difference(again.state_dict(), copy.deepcopy(optimizer).state_dict())
    assert type(again) is optimizers.AdamW
