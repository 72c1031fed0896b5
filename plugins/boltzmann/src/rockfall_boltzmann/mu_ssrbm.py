"""The µ-ssRBM: a spike-and-slab RBM whose slabs have means and whose spikes add precision to v.

Courville, Bergstra and Bengio 2011, "Unsupervised Models of Images by Spike-and-Slab RBMs", ICML.
It is `spike_slab.py` in full:

    P(h_i = 1 | v) = σ(b_i − ½ vᵀΦ_i v + Σ_k (x²/2α + µ x))     x_ik = vᵀW_ik
    s_ik | v, h    ~ N(h_i (µ + x/α), 1/α)
    v | s, h       ~ N(C Σ_ik W_ik s_ik h_i, C)                 C = (Λ + Σ_i h_i Φ_i)⁻¹
    F(v)           = ½ vᵀΛv − Σ_i softplus(a_i) − ½ Σ_ik log(2π/α)

µ gives v | h a mean, and so distinguishes v from −v. Φ makes up for the precision that active slabs
take from Λ: with φ_ij ≥ Σ_k |W_jik| Σ_j' |W_j'ik| / α_ik the density can be normalised
(`certainly_normalisable`). Here Φ is learned without that bound, and the visible space is a ball;
for these and other departures from the paper see `spike_slab.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

import rockfall
from rockfall_boltzmann.spike_slab import PATCHES, PrecisionShape, SpikeSlab, SpikeSlabConfig


class MuSsrbmConfig(SpikeSlabConfig):
    mu: float = Field(0.0, description="initial mean µ of every slab")
    phi: float = Field(
        0.001,
        gt=0,
        description="initial precision Φ that each active spike adds; small, since those of all "
        "active spikes add up",
    )
    phi_shape: PrecisionShape = Field(
        "diagonal", description="shape of Φ; scalar: one a spike; diagonal: one a visible unit too"
    )
    fixed: tuple[Literal["precision", "alpha", "phi"], ...] = Field(
        ("alpha",),
        description="parameters that keep their initial value, of precision, alpha and phi; α only "
        "scales the slabs",
    )


class MuSsrbm(SpikeSlab):
    """Inputs (N, …), uint8 pictures or vectors."""

    Config = MuSsrbmConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "patches": PATCHES,
        "tiny": {"hidden": 16, "epochs": 2},
    }

    def __init__(self, config: MuSsrbmConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        self.mu = torch.nn.Parameter(torch.full_like(self.mu, config.mu))
        self.log_phi = self.log_parameter("phi", (config.hidden, self.precisions_per_spike()))

    def precisions_per_spike(self) -> int:
        """Numbers of Φ_i: D or 1."""
        return self.num_visible if self.config.phi_shape == "diagonal" else 1

    def num_weights(self) -> int:
        return super().num_weights() + int(self.config.hidden) * self.precisions_per_spike()
