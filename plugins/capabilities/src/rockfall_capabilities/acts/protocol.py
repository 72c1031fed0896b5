"""What a model that acts has to offer."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Acts(Protocol):
    """Chooses actions in an environment. `rockfall.kit.environments.Acting` makes one of a policy
    on tensors.
    """

    def act(self, observations: Any, /, deterministic: bool = True) -> Any:
        """The final policy, or with `deterministic=False` as it explores.

        observations: a tensor (N, *shape) as a batch gives it → actions (N, …), as
            `rockfall.kit.environments.Spaces` says; or what Gymnasium itself gives, one observation
            or those of a `VectorEnv` → what its `step` takes.
        """
