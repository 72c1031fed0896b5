"""`act` of an agent: on the tensors of a batch, and on what Gymnasium itself gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor, nn

from rockfall.errors import UsageError
from rockfall.kit.environments.spaces import Spaces


class Acting(nn.Module):
    """An agent that has `choose`, and by it `act`. `info` is the `SourceInfo` it was built from."""

    info: Any

    def choose(self, observations: Tensor, deterministic: bool) -> Tensor:
        """Observations (N, *shape) → actions (N, …), as `rockfall.kit.environments.Spaces` says.

        deterministic: whether each is the one that the agent thinks best, or drawn as it explores.
        """
        raise NotImplementedError

    @overload
    def act(self, observations: Tensor, deterministic: bool = True) -> Tensor: ...
    @overload
    def act(self, observations: Any, deterministic: bool = True) -> Any: ...

    @torch.no_grad()
    def act(self, observations: Any, deterministic: bool = True) -> Any:
        """The agent's actions.

        observations: a tensor (N, *shape), as a batch gives it, for which the actions are a
            tensor (N, …); or what Gymnasium gives: an observation of the environment's own space
            (an array, a number, a dict, …), or those of a `VectorEnv`. Then the actions are what
            its `step` takes.
        Raises UsageError for what is neither.
        """
        if isinstance(observations, Tensor):
            if not observations.ndim or observations.shape[1:] != self.info.shape:
                raise UsageError(
                    f"act takes a tensor (N, {', '.join(map(str, self.info.shape))}), or what "
                    f"Gymnasium gives, not a tensor of shape {tuple(observations.shape)}"
                )
            return self.choose(observations, deterministic)
        return self.translated(lambda tensor: self.choose(tensor, deterministic), observations)

    def translated(self, choose: Callable[[Tensor], Tensor], observations: Any) -> Any:
        """`choose`, of tensors as a batch has them, on what Gymnasium gives and takes."""
        device = next(self.parameters()).device

        def of_arrays(encoded: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            # Copied, for an array may be read-only, or a view that PyTorch can't have.
            return choose(torch.from_numpy(np.array(encoded)).to(device)).cpu().numpy()

        return self.spaces.act(of_arrays, observations)

    @cached_property
    def spaces(self) -> Spaces:
        """The environment's own, and the translation to them."""
        return Spaces.of(self.info)


class ActingWithMemory(Acting):
    """An agent that remembers its episode, has `act_next`, and by it `act`, which stands where an
    episode begins: nothing is remembered yet.
    """

    @property
    def memory_size(self) -> int:
        """Numbers that it remembers of an episode; 0 for nothing."""
        raise NotImplementedError

    def act_next(
        self, observations: Tensor, memory: Tensor, *, deterministic: bool = True
    ) -> tuple[Tensor, Tensor]:
        """The actions (N, …), and the memory (N, `memory_size`) after them."""
        raise NotImplementedError

    def choose(self, observations: Tensor, deterministic: bool) -> Tensor:
        nothing = torch.zeros(len(observations), self.memory_size, device=observations.device)
        return self.act_next(observations, nothing, deterministic=deterministic)[0]
