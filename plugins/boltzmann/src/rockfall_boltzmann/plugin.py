"""The table of contents: each capability and model, its target, summary and reference."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

CAPABILITIES = (
    "encodes",
    "reconstructs",
    "samples",
    "samples-in-steps",
    "resamples",
    "scores",
    "explains",
    "layered",
    "fires",
)

SPIKE_SLAB_SETTINGS = {"inputs": "preprocessing", "spread": "weight_std"}
"""Former → present name of settings, as of all tables here."""


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="fires",
        summary="has binary hidden units, some of which may be dead",
        target="rockfall_boltzmann.activity:Fires",
        evaluate="rockfall_boltzmann.activity:evaluate",
        pictures="rockfall_boltzmann.activity:pictures",
        check="rockfall_boltzmann.activity:check",
    )
    register.capability(
        name="normalises",
        summary="has a partition function that can be computed or estimated",
        target="rockfall_boltzmann.likelihood:Normalises",
        evaluate="rockfall_boltzmann.likelihood:evaluate",
        check="rockfall_boltzmann.likelihood:check",
    )
    register.model(
        name="rbm",
        summary="restricted Boltzmann machine (RBM): binary features, without labels",
        target="rockfall_boltzmann.rbm:Rbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=(*CAPABILITIES, "normalises"),
        reference="Hinton 2002, Training products of experts by minimizing contrastive divergence; "
        "Tieleman 2008, Training restricted Boltzmann machines using approximations to the "
        "likelihood gradient",
        renamed={"sparsity": "sparsity_target"},
    )
    register.model(
        name="ssrbm",
        summary="spike-and-slab RBM (ssRBM): binary spikes switch real-valued slabs",
        target="rockfall_boltzmann.ssrbm:Ssrbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=CAPABILITIES,
        reference="Courville, Bergstra and Bengio 2011, A spike and slab restricted Boltzmann "
        "machine",
        renamed=SPIKE_SLAB_SETTINGS,
    )
    register.model(
        name="mu-ssrbm",
        summary="spike-and-slab RBM with means (µ-ssRBM): spikes add precision too",
        target="rockfall_boltzmann.mu_ssrbm:MuSsrbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=CAPABILITIES,
        reference="Courville, Bergstra and Bengio 2011, Unsupervised models of images by "
        "spike-and-slab RBMs",
        renamed=SPIKE_SLAB_SETTINGS,
    )
    register.model(
        name="dbn",
        summary="deep belief network (DBN): stacked RBMs, fine-tuned as a classifier",
        target="rockfall_boltzmann.dbn:Dbn",
        learns_from=("labelled-pictures",),
        default_source="digits",
        capabilities=(
            "classifies",
            "encodes",
            "reconstructs",
            "samples",
            "samples-in-steps",
            "explains",
            "layered",
            "fires",
        ),
        reference="Hinton, Osindero and Teh 2006, A fast learning algorithm for deep belief nets; "
        "Bengio et al. 2007, Greedy layer-wise training of deep networks",
        renamed={
            "pretrain": "pretrain_epochs",
            "finetune": "finetune_epochs",
            "loss": "train loss",
            "accuracy": "validation accuracy",
        },
    )
