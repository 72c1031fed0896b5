"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

CAPABILITIES = ("encodes", "reconstructs", "samples", "scores", "explains", "fires")


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="fires",
        summary="has units that are on or off",
        target="rockfall_boltzmann.activity:Fires",
        evaluate="rockfall_boltzmann.activity:evaluate",
        pictures="rockfall_boltzmann.activity:pictures",
        check="rockfall_boltzmann.activity:check",
    )
    register.capability(
        name="normalises",
        summary="knows its partition function",
        target="rockfall_boltzmann.likelihood:Normalises",
        evaluate="rockfall_boltzmann.likelihood:evaluate",
        check="rockfall_boltzmann.likelihood:check",
    )
    register.model(
        name="rbm",
        summary="restricted Boltzmann machine: binary features, learned without labels",
        target="rockfall_boltzmann.rbm:Rbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=(*CAPABILITIES, "normalises"),
        reference="Hinton 2002, Training products of experts by minimizing contrastive divergence; "
        "Tieleman 2008, Training restricted Boltzmann machines using approximations to the "
        "likelihood gradient",
    )
    register.model(
        name="ssrbm",
        summary="spike-and-slab RBM: its units say whether, and by how much",
        target="rockfall_boltzmann.ssrbm:Ssrbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=CAPABILITIES,
        reference="Courville, Bergstra and Bengio 2011, A spike and slab restricted Boltzmann "
        "machine",
    )
    register.model(
        name="mu-ssrbm",
        summary="spike-and-slab RBM whose slabs have means and whose spikes hold v back",
        target="rockfall_boltzmann.mu_ssrbm:MuSsrbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=CAPABILITIES,
        reference="Courville, Bergstra and Bengio 2011, Unsupervised models of images by "
        "spike-and-slab RBMs",
    )
    register.model(
        name="dbn",
        summary="deep belief network: a stack of RBMs, then fine-tuned to tell pictures apart",
        target="rockfall_boltzmann.dbn:Dbn",
        learns_from=("labelled-pictures",),
        default_source="digits",
        capabilities=("classifies", "encodes", "reconstructs", "samples", "explains", "fires"),
        reference="Hinton, Osindero and Teh 2006, A fast learning algorithm for deep belief nets; "
        "Bengio et al. 2007, Greedy layer-wise training of deep networks",
    )
