"""The VQ-VAE: a picture as a grid of discrete codes, with an autoregressive prior over them.

Van den Oord, Vinyals and Kavukcuoglu 2017, "Neural Discrete Representation Learning". An encoder
gives a vector at each position of a grid, which is replaced by the nearest e of K codes; a decoder
gives p(x | z) of these. The loss is, with sg for what passes no gradient (equation 3),

    −log p(x | z) + Σ ‖sg[z_e(x)] − e‖² + γ Σ ‖z_e(x) − sg[e]‖²

and the decoder's gradient is copied past the nearest code to the encoder. Then a PixelCNN is fitted
to the grids of codes (section 3.3; `pixelcnn.py` is its network), from which samples are drawn and
decoded. Both together bound the likelihood: log p(x) ≥ log p(x | z) + log p(z) for the codes of x.

It differs from the paper: p(x | z) is that of a VAE here, Bernoulli of grey pictures, binarised at
random, and a discretised logistic with a scale a channel of those in colour; codes begin at what
the encoder gives of some examples, so that few are dead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Dataset, eval_mode, fork_rng
from rockfall.kit.memory import unallocated
from rockfall.kit.optimizers import Adam
from rockfall.kit.randomness import binarise
from rockfall.kit.schedules import lr_factor, set_lr
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators.discretised_logistic import SCALE_OF_STD, log_probability
from rockfall_generators.networks import check_parameter_count
from rockfall_generators.pixelcnn import MaskedNetwork
from rockfall_generators.scaling import Scaling, tell_of_batch, with_full_batches

VALIDATION_EXAMPLES = 500
LARGE = 16
"""Pixels a side from which on pictures are halved twice, and not once."""
CHUNK = 250
LOG_SCALE_SPEED = 10.0
"""How much faster than a weight the logarithm of the logistic's scale is learned."""


class VqVaeConfig(rockfall.Config):
    codes: int = Field(128, ge=2, le=65_536, description="K, codes in the code book")
    dimension: int = Field(32, ge=1, description="numbers of a code")
    channels: int = Field(32, ge=1, description="feature maps of the encoder and the decoder")
    commitment: float = Field(
        0.25, ge=0, description="γ, how much the encoder keeps to the codes; the paper's"
    )
    epochs: int = Field(60, ge=1, description="passes over the training split, of both networks")
    prior_channels: int = Field(32, ge=1, description="feature maps of the prior over the codes")
    prior_blocks: int = Field(3, ge=0, description="residual blocks of the prior over the codes")
    prior_epochs: int = Field(60, ge=1, description="passes in which the prior is fitted then")
    batch_size: int = Field(100, ge=1, description="mini-batch size")
    lr: float = Field(2e-3, gt=0, description="initial learning rate of Adam; decays to 0")


class VqVae(nn.Module):
    """Pictures (N, C, H, W) uint8 → codes (N, h, w) → reconstructions. Raises ValueError for sides
    that can't be halved and for too many parameters.
    """

    Config = VqVaeConfig
    parallel: ClassVar[str] = "batches"
    precision: ClassVar[str] = "bf16"
    likelihood_note = "bound by the nearest codes"
    log_det_scale = 0.0
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {"epochs": 5, "prior_epochs": 10},
        "cifar10": {
            "codes": 512,
            "dimension": 64,
            "channels": 64,
            "epochs": 10,
            "prior_epochs": 10,
        },
        "tiny": {
            "codes": 8,
            "dimension": 4,
            "channels": 4,
            "prior_channels": 4,
            "prior_blocks": 1,
            "epochs": 1,
            "prior_epochs": 1,
            "batch_size": 256,
        },
    }

    def __init__(self, config: VqVaeConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        config = with_full_batches(config, info)
        self.config = config
        self.scaling = Scaling(info, low=0.0)
        channels, *sides = self.scaling.shape
        self.binary = channels == 1
        self.discrete = not self.binary
        self.halvings = 2 if min(sides) >= LARGE else 1
        if any(side % (1 << self.halvings) for side in sides):
            nearest = max(4, round(max(sides) / 4) * 4)
            raise ValueError(
                f"pictures of {sides[0]} × {sides[1]} can't be halved to a grid of codes: "
                f"source.size={nearest} brings them to a size that can"
            )
        self.grid = tuple(side >> self.halvings for side in sides)
        with unallocated():
            check_parameter_count(self.build_encoder(), self.build_decoder(), self.build_prior())
        self.encoder, self.decoder = self.build_encoder(), self.build_decoder()
        self.codes = nn.Parameter(torch.randn(config.codes, config.dimension))
        self.prior = self.build_prior()
        if self.discrete:
            deviations = torch.tensor(info.statistics["std"]) / 255
            initial = (deviations * SCALE_OF_STD).clamp(min=1e-3).log()
            self.log_scale = nn.Parameter(initial / LOG_SCALE_SPEED)

    def build_encoder(self) -> nn.Sequential:
        """Values (N, C, H, W) → vectors (N, dimension, h, w)."""
        config = self.config
        widths = (self.scaling.shape[0], *[config.channels] * self.halvings)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, padding=1), nn.ReLU()]
        blocks = [ResidualBlock(config.channels) for _ in range(2)]
        return nn.Sequential(*layers, *blocks, nn.Conv2d(config.channels, config.dimension, 1))

    def build_decoder(self) -> nn.Sequential:
        """Codes (N, dimension, h, w) → values or their logits (N, C, H, W)."""
        config = self.config
        widths = (*[config.channels] * self.halvings, self.scaling.shape[0])
        layers: list[nn.Module] = [nn.Conv2d(config.dimension, config.channels, 3, padding=1)]
        layers += [ResidualBlock(config.channels) for _ in range(2)]
        for before, after in itertools.pairwise(widths):
            layers += [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, padding=1)]
        return nn.Sequential(*layers)

    def build_prior(self) -> MaskedNetwork:
        """Codes (N, dimension, h, w) → logits of each by those before it (N, K, h, w)."""
        config = self.config
        return MaskedNetwork(
            config.dimension, config.prior_channels, config.prior_blocks, config.codes
        )

    # The codes ------------------------------------------------------------------------------

    def observe(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → x from 0 to 1, binarised with torch's global generator if grey."""
        values: Tensor = self.scaling(inputs)
        return binarise(values) if self.binary else values

    def nearest(self, vectors: Tensor) -> Tensor:
        """Vectors (N, dimension, h, w) → indices (N, h, w) int64 of the nearest codes."""
        flat = vectors.permute(0, 2, 3, 1).flatten(0, 2)
        distances = self.codes.square().sum(1) - 2 * flat @ self.codes.T  # up to |vector|²
        return distances.argmin(1).view(len(vectors), *self.grid)

    def vectors(self, indices: Tensor) -> Tensor:
        """Indices (N, h, w) → codes (N, dimension, h, w)."""
        return F.embedding(indices, self.codes).permute(0, 3, 1, 2)

    def log_likelihood_given(self, x: Tensor, codes: Tensor) -> Tensor:
        """x (N, C, H, W), codes (N, dimension, h, w) → log p(x | z) (N,)."""
        output = self.decoder(codes).float()
        if self.binary:
            losses = F.binary_cross_entropy_with_logits(output, x, reduction="none")
            return -losses.flatten(1).sum(1)
        scale = (self.log_scale * LOG_SCALE_SPEED).exp()[:, None, None] + 1e-4
        return log_probability(x, output, scale).flatten(1).sum(1)

    def log_prior(self, indices: Tensor) -> Tensor:
        """Indices (N, h, w) → log p(z) (N,)."""
        logits = self.prior(self.vectors(indices).detach()).float()
        log_shares = logits.log_softmax(1).permute(0, 2, 3, 1)
        chosen: Tensor = log_shares.gather(3, indices[..., None])
        return chosen.flatten(1).sum(1)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) → a lower bound of log p(x) (N,), by its own codes."""
        indices = self.nearest(self.encoder(x))
        return self.log_likelihood_given(x, self.vectors(indices)) + self.log_prior(indices)

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        tell_of_batch(run, self.config)
        self._fit_codes(data, run)
        self._fit_prior(data, run)

    def _fit_codes(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        learned = [each for name, each in self.named_parameters() if not name.startswith("prior.")]
        optimizer = Adam(learned, lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        self._begin_codes(data.train.evenly_spaced(VALIDATION_EXAMPLES).inputs)
        validation = data.validation.evenly_spaced(VALIDATION_EXAMPLES).inputs

        def step(inputs: Tensor) -> dict[str, Tensor]:
            x = self.observe(inputs)
            with run.autocast():
                loss, terms = self.loss(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss, **terms}

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.epochs):
            set_lr(optimizer, config.lr * lr_factor(epoch.index / config.epochs, "cosine"))
            for batch in epoch.batches(data.train, config.batch_size):
                run.log(**captured_step(batch.inputs))
            with fork_rng(seed=0), eval_mode(self):
                x = self.observe(validation)
                indices = self.nearest(self.encoder(x))
                reconstruction = -self.log_likelihood_given(x, self.vectors(indices)).mean()
                used = F.one_hot(indices, config.codes).float().mean((0, 1, 2))
            entropy = -(used * used.clamp(min=1e-12).log()).sum()
            run.log(validation_reconstruction=reconstruction, perplexity=entropy.exp())

    def loss(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """x (N, C, H, W) → equation 3, a mean over examples, and its terms."""
        vectors = self.encoder(x).float()
        codes = self.vectors(self.nearest(vectors))
        passed_on = vectors + (codes - vectors).detach()
        reconstruction = -self.log_likelihood_given(x, passed_on).mean()
        of_codes = (codes - vectors.detach()).square().flatten(1).sum(1).mean()
        of_encoder = (codes.detach() - vectors).square().flatten(1).sum(1).mean()
        loss = reconstruction + of_codes + self.config.commitment * of_encoder
        return loss, {"reconstruction": reconstruction, "commitment": of_encoder}

    def _begin_codes(self, inputs: Tensor) -> None:
        with torch.no_grad():
            vectors = self.encoder(self.observe(inputs)).permute(0, 2, 3, 1).flatten(0, 2)
            chosen = torch.randint(len(vectors), (self.config.codes,), device=vectors.device)
            self.codes.copy_(vectors[chosen])

    def _fit_prior(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        optimizer = Adam(self.prior.parameters(), lr=config.lr, fused=True)
        run.keep(prior_optimizer=optimizer)
        validation = data.validation.evenly_spaced(VALIDATION_EXAMPLES).inputs

        def step(inputs: Tensor) -> Tensor:
            with torch.no_grad():
                indices = self.nearest(self.encoder(self.observe(inputs)))
            with run.autocast():
                loss = -self.log_prior(indices).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.prior_epochs):
            set_lr(optimizer, config.lr * lr_factor(epoch.index / config.prior_epochs, "cosine"))
            for batch in epoch.batches(data.train, config.batch_size):
                run.log(prior_loss=captured_step(batch.inputs))
            with fork_rng(seed=0), eval_mode(self):
                bound = self.log_likelihood(self.observe(validation)).mean()
            run.log(**{"validation log-likelihood": bound})

    # What it can do -------------------------------------------------------------------------

    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → the bound of log p (N,), nats; always by the same binarisation."""
        with fork_rng(seed=0), eval_mode(self):
            return self.log_likelihood(self.observe(inputs))

    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → their codes in a row (N, h · w · dimension)."""
        with eval_mode(self):
            return self.vectors(self.nearest(self.encoder(self.scaling(inputs)))).flatten(1)

    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → the same shape and type, by their codes."""
        with eval_mode(self):
            return self._decoded(self.nearest(self.encoder(self.scaling(inputs))))

    def sample(self, count: int) -> Tensor:
        """(count, C, H, W) of the source's type: codes of the prior, decoded to means."""
        sizes = [min(CHUNK, count - first) for first in range(0, count, CHUNK)]
        with eval_mode(self):
            return torch.cat([self._decoded(indices) for indices in map(self._draw, sizes)])

    def _draw(self, count: int) -> Tensor:
        """Indices (count, h, w) of the prior, from torch's global generator."""
        indices = torch.zeros(count, *self.grid, dtype=torch.int64, device=self.codes.device)
        states = self.prior.begin(self.vectors(indices))
        for row, column in self._positions():
            logits = self.prior.at(states, row, column)
            drawn = logits.softmax(1).multinomial(1).squeeze(1)
            indices[:, row, column] = drawn
            self.prior.put(states, self.codes[drawn], row, column)
        return indices

    def _positions(self) -> Iterator[tuple[int, int]]:
        height, width = self.grid
        return ((row, column) for row in range(height) for column in range(width))

    def _decoded(self, indices: Tensor) -> Tensor:
        """Indices (N, h, w) → pictures (N, C, H, W)."""
        output = self.decoder(self.vectors(indices))
        return self.scaling.inverse(output.sigmoid() if self.binary else output)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, C, H, W) → the layers of the encoder, and of the decoder to the
        reconstruction.
        """

        def reconstruct(given: Tensor) -> Tensor:
            vectors = self.encoder(self.scaling(given))
            output: Tensor = self.decoder(vectors + (self.vectors(self.nearest(vectors)) - vectors))
            return output.sigmoid() if self.binary else output

        return trace_layers(self, inputs, reconstruct)


class ResidualBlock(nn.Module):
    """h + W₂ ∗ relu(W₁ ∗ relu(h)), 3 × 3 and 1 × 1 (section 4.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inward = nn.Conv2d(channels, channels, 3, padding=1)
        self.outward = nn.Conv2d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        residual: Tensor = self.outward(F.relu(self.inward(F.relu(hidden))))
        return hidden + residual
