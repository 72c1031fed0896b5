"""The table of contents: each model's name, target, summary and reference."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

MODELS = {
    "mlp": (
        "mlp:Mlp",
        "multilayer perceptron (MLP): fully connected layers of rectified units",
        "Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors",
    ),
    "mlp-numpy": (
        "mlp_numpy:MlpNumpy",
        "multilayer perceptron (MLP) in NumPy: back-propagation written out by hand",
        "Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors",
    ),
    "wide": (
        "wide:Wide",
        "wide MLP: one hidden layer of 6,000 rectified units, with dropout",
        "Srivastava et al. 2014, Dropout: A simple way to prevent neural networks from overfitting",
    ),
    "convnet": (
        "convnet:Convnet",
        "convolutional network (CNN): of any layers, written down as text",
        "LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition",
    ),
    "lenet5": (
        "lenet:Lenet5",
        "LeNet-5: two convolutional and three fully connected layers, of 1998",
        "LeCun et al. 1998, Gradient-based learning applied to document recognition",
    ),
    "lenet5-plus": (
        "lenet:Lenet5Plus",
        "LeNet-5 with batch normalisation, dropout and averaged weights",
        "LeCun et al. 1998; Ioffe and Szegedy 2015, Batch normalization",
    ),
    "simplenet": (
        "simplenet:Simplenet",
        "SimpleNet: thirteen convolutional layers in a row, no shortcuts",
        "Hasanpour et al. 2016, Lets keep it simple, arXiv 1608.06037",
    ),
    "resnet": (
        "resnet:Resnet",
        "ResNet: a small network of pre-activation residual blocks",
        "He et al. 2016, Identity mappings in deep residual networks, arXiv 1603.05027",
    ),
    "fastnet": (
        "fastnet:Fastnet",
        "airbench CNN: patch whitening and Muon learn CIFAR-10 in the least computing",
        "Jordan 2024, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv 2404.00498",
    ),
    "finetune": (
        "finetune:Finetune",
        "a new head on features learned by others, for a few dozen pictures a class",
        "Yosinski et al. 2014, How transferable are features in deep neural networks?",
    ),
}
"""Name → (target in this package, summary, reference)."""

METRICS = {"loss": "train loss", "accuracy": "validation accuracy"}
"""Former → present name of what every model here logs."""

SETTINGS = {"wide": {"hide": "input_dropout"}}
"""Of each model, former → present name of its settings."""


DEVICES = {"mlp-numpy": ("cpu",)}
"""Of a model that does not compute wherever PyTorch does."""


@hookimpl
def rockfall_register(register: Register) -> None:
    for name, (target, summary, reference) in MODELS.items():
        register.model(
            name=name,
            summary=summary,
            target=f"rockfall_vision.{target}",
            learns_from=("labelled-pictures",),
            default_source="digits",
            capabilities=("classifies", "explains", "layered"),
            reference=reference,
            devices=DEVICES.get(name, ("cpu", "cuda", "mps")),
            renamed={**METRICS, **SETTINGS.get(name, {})},
        )
