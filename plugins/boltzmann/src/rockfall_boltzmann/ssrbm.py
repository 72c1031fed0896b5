"""The spike-and-slab RBM (ssRBM): a binary spike switches a real slab, which models covariance.

Courville, Bergstra and Bengio 2011, "A Spike and Slab Restricted Boltzmann Machine", AISTATS,
PMLR 15. It is `spike_slab.py` with µ = Φ = 0:

    P(h_i = 1 | v) = σ(b_i + Σ_k x²/2α)     x_ik = vᵀW_ik
    s_ik | v, h    ~ N(h_i x/α, 1/α)
    v | s, h       ~ N(Λ⁻¹ Σ_ik W_ik s_ik h_i, Λ⁻¹)
    v | h          ~ N(0, (Λ − Σ_ik h_i W_ik W_ikᵀ/α)⁻¹)
    F(v)           = ½ vᵀΛv − Σ_i softplus(b_i + Σ_k x²/2α) − ½ Σ_ik log(2π/α)

The spikes choose the covariance of v where the hidden units of a Gaussian RBM choose its mean, and
v and −v are equally likely: data should have mean 0. α only scales the slabs (s √α and W/√α are the
same machine), and is fixed by default. For departures from the paper see `spike_slab.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rockfall_boltzmann.spike_slab import PATCHES, SpikeSlab, SpikeSlabConfig


class SsrbmConfig(SpikeSlabConfig):
    fixed: tuple[Literal["precision", "alpha"], ...] = Field(
        ("alpha",),
        description="parameters that keep their initial value, of precision and alpha; α only "
        "scales the slabs",
    )


class Ssrbm(SpikeSlab):
    """Inputs (N, …), uint8 pictures or vectors."""

    Config = SsrbmConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "patches": PATCHES,
        "tiny": {"hidden": 16, "epochs": 2},
    }
