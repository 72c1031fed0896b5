"""What every model here shares whose log-likelihood is computed: it is what they are trained by."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall import Dataset, eval_mode, fork_rng
from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import lr_factor, set_lr
from rockfall_generators.scaling import Scaling, tell_of_batch, with_full_batches

VALIDATION_EXAMPLES = 500
"""Most validation examples by which the likelihood is evaluated after an epoch."""
MAX_GRADIENT = 100.0
"""Norm of a gradient that is shortened to it, a few times of a usual one."""


class MaximumLikelihoodConfig(rockfall.Config):
    epochs: int = Field(60, ge=1, description="passes over the training split")
    batch_size: int = Field(100, ge=1, description="mini-batch size")
    lr: float = Field(
        2e-3, gt=0, description="initial learning rate of Adam; decays to 0 by a cosine schedule"
    )


class MaximumLikelihood(nn.Module):
    """A model that is fitted by min −E log p(x)."""

    Config: ClassVar[type[MaximumLikelihoodConfig]] = MaximumLikelihoodConfig
    parallel: ClassVar[str] = "batches"
    monitor: ClassVar[str] = "validation log-likelihood"
    likelihood_note: str = ""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        config = with_full_batches(config, info)
        self.config = config
        self.scaling = Scaling(info, low=0.0)

    # What a subclass supplies ---------------------------------------------------------------

    def observe(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → x (N, …), whose likelihood is defined."""
        raise NotImplementedError

    def log_likelihood(self, x: Tensor) -> Tensor:
        """x (N, …) → log p(x) (N,), nats."""
        raise NotImplementedError

    @property
    def log_det_scale(self) -> float:
        """log p(x) − log p(inputs); 0 for pictures, whose x is from 0 to 1."""
        return 0.0 if self.scaling.pictures else float(self.scaling.scale.log().sum())

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        tell_of_batch(run, self.config)
        config = self.config
        optimizer = Adam(self.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        validation = data.validation.evenly_spaced(VALIDATION_EXAMPLES).inputs

        def step(inputs: Tensor) -> Tensor:
            x = self.observe(inputs)
            with run.autocast():
                loss = -self.log_likelihood(x).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), MAX_GRADIENT, foreach=True)
            optimizer.step()
            return loss

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.epochs):
            self.train()
            set_lr(optimizer, config.lr * lr_factor(epoch.index / config.epochs, "cosine"))
            for batch in epoch.batches(data.train, config.batch_size):
                run.log(loss=captured_step(batch.inputs))
            with fork_rng(seed=0), eval_mode(self):  # the same noise each time
                likelihood = self.log_likelihood(self.observe(validation)).mean()
            run.log(**{"validation log-likelihood": likelihood - self.log_det_scale})

    # What it can do -------------------------------------------------------------------------

    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → log p (N,), nats; where x is drawn, always the same."""
        with fork_rng(seed=0), eval_mode(self):
            return self.log_likelihood(self.observe(inputs)) - self.log_det_scale
