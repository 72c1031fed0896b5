"""The spike-and-slab RBM whose slabs have means, and whose spikes hold v back as well.

Courville, Bergstra and Bengio 2011, "Unsupervised Models of Images by Spike-and-Slab RBMs", ICML.
It is `spike_slab.py` in full:

    P(h_i = 1 | v) = σ(b_i − ½ vᵀΦ_i v + Σ_k (x²/2α + µ x))     x_ik = vᵀW_ik
    s_ik | v, h    ~ N(h_i (µ + x/α), 1/α)
    v | s, h       ~ N(C Σ_ik W_ik s_ik h_i, C)                 C = (Λ + Σ_i h_i Φ_i)⁻¹
    F(v)           = ½ vᵀΛv − Σ_i softplus(a_i) − ½ Σ_ik log(2π/α)

µ gives v | h a mean, and so tells v from −v. Φ makes up for what the wells take from Λ: with
φ_ij ≥ Σ_k |W_jik| Σ_j' |W_j'ik| / α_ik the density can be normalised whatever W is
(`certainly_normalisable`). Φ is learned freely here and need not come to that.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

import rockfall
from rockfall_boltzmann.spike_slab import PATCHES, Shape, SpikeSlab, SpikeSlabConfig


class MuSsrbmConfig(SpikeSlabConfig):
    mu: float = Field(0.0, description="µ of every slab at first")
    phi: float = Field(
        0.001, gt=0, description="Φ at first; small, for those of all spikes that are on add up"
    )
    phi_shape: Shape = Field(
        "diagonal", description="scalar: one Φ a spike; diagonal: one for each number of v"
    )
    fixed: tuple[Literal["precision", "alpha", "phi"], ...] = Field(
        ("alpha",), description="those of precision, alpha, phi that stay as they are at first"
    )


class MuSsrbm(SpikeSlab):
    """Inputs (N, …), uint8 pictures or vectors, learned from without labels."""

    Config = MuSsrbmConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "patches": PATCHES,
        "tiny": {"hidden": 16, "epochs": 2},
    }

    def __init__(self, config: MuSsrbmConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        self.mu = torch.nn.Parameter(torch.full_like(self.mu, config.mu))
        self.log_phi = self.logarithm("phi", (config.hidden, self.held()))

    def held(self) -> int:
        """Numbers of Φ a spike."""
        return self.visible if self.config.phi_shape == "diagonal" else 1

    def weights(self) -> int:
        return super().weights() + int(self.config.hidden) * self.held()
