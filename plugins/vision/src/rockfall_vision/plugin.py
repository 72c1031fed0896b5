"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

MODELS = {
    "mlp": (
        "mlp:Mlp",
        "fully-connected network that tells pictures apart",
        "Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors",
    ),
    "mlp-numpy": (
        "mlp_numpy:MlpNumpy",
        "the same in NumPy, back-propagation written by hand",
        "Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors",
    ),
    "wide": (
        "wide:Wide",
        "one hidden layer of 6,000 rectified units",
        "Srivastava et al. 2014, Dropout: A simple way to prevent neural networks from overfitting",
    ),
    "convnet": (
        "convnet:Convnet",
        "convolutional network that you write down, layer by layer",
        "LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition",
    ),
    "lenet5": (
        "lenet:Lenet5",
        "two convolutions and three full layers, of 1998",
        "LeCun et al. 1998, Gradient-based learning applied to document recognition",
    ),
    "lenet5-plus": (
        "lenet:Lenet5Plus",
        "LeNet-5 with batch normalisation, dropout and averaged weights",
        "LeCun et al. 1998; Ioffe and Szegedy 2015, Batch normalization",
    ),
    "simplenet": (
        "simplenet:Simplenet",
        "thirteen plain convolutions",
        "Hasanpour et al. 2016, Lets keep it simple, arXiv 1608.06037",
    ),
    "resnet": (
        "resnet:Resnet",
        "small network of residual blocks",
        "He et al. 2016, Identity mappings in deep residual networks, arXiv 1603.05027",
    ),
    "fastnet": (
        "fastnet:Fastnet",
        "learns CIFAR-10 in the least computing",
        "Jordan 2024, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv 2404.00498",
    ),
}
"""Name → (target in this package, summary, reference)."""


@hookimpl
def rockfall_register(register: Register) -> None:
    for name, (target, summary, reference) in MODELS.items():
        register.model(
            name=name,
            summary=summary,
            target=f"rockfall_vision.{target}",
            learns_from=("labelled-pictures",),
            default_source="digits",
            capabilities=("classifies", "explains"),
            reference=reference,
        )
