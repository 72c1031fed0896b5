"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

ADVERSARIAL = ("samples", "blends", "generates")
CODING = ("encodes", "reconstructs", "samples", "blends", "generates", "explains")


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="generates",
        summary="makes examples that are measured beside real ones",
        target="rockfall_generators.protocol:Generates",
        evaluate="rockfall_generators.generates:evaluate",
        pictures="rockfall_generators.generates:pictures",
        check="rockfall_generators.generates:check",
    )
    register.capability(
        name="bounds",
        summary="bounds the log-likelihood",
        target="rockfall_generators.bounds:Bounds",
        evaluate="rockfall_generators.bounds:evaluate",
        check="rockfall_generators.bounds:check",
    )
    register.model(
        name="autoencoder",
        summary="as much of an example as a few numbers can hold",
        target="rockfall_generators.autoencoder:Autoencoder",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=CODING,
        reference="Hinton and Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural "
        "Networks; Ghosh et al. 2020, From Variational to Deterministic Autoencoders",
    )
    register.model(
        name="vae",
        summary="variational autoencoder: latents with a prior, learned by a bound",
        target="rockfall_generators.vae:Vae",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=(*CODING, "scores", "bounds"),
        reference="Kingma and Welling 2014, Auto-Encoding Variational Bayes",
    )
    register.model(
        name="cvae",
        summary="a variational autoencoder that is told which class to make",
        target="rockfall_generators.cvae:Cvae",
        learns_from=("labelled-pictures", "labelled-vectors"),
        default_source="digits",
        capabilities=(*CODING, "scores", "bounds"),
        reference="Sohn, Lee and Yan 2015, Learning Structured Output Representation using Deep "
        "Conditional Generative Models",
    )
    register.model(
        name="gan",
        summary="generative adversarial network: one makes, one judges, both learn",
        target="rockfall_generators.gan:Gan",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Goodfellow et al. 2014, Generative Adversarial Nets",
    )
    register.model(
        name="dcgan",
        summary="a GAN of convolutions",
        target="rockfall_generators.dcgan:Dcgan",
        learns_from=("pictures",),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Radford, Metz and Chintala 2016, Unsupervised Representation Learning with "
        "Deep Convolutional Generative Adversarial Networks",
    )
    register.model(
        name="wgan",
        summary="a GAN whose discriminator measures a distance",
        target="rockfall_generators.wgan:Wgan",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Arjovsky, Chintala and Bottou 2017, Wasserstein Generative Adversarial Networks",
    )
    register.model(
        name="wgan-gp",
        summary="a Wasserstein GAN with a penalty on the critic's slope",
        target="rockfall_generators.wgan_gp:WganGp",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Gulrajani et al. 2017, Improved Training of Wasserstein GANs",
    )
    register.model(
        name="cgan",
        summary="a GAN that is told which class to make",
        target="rockfall_generators.cgan:Cgan",
        learns_from=("labelled-pictures", "labelled-vectors"),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Mirza and Osindero 2014, Conditional Generative Adversarial Nets",
    )
    register.model(
        name="multi-gan",
        summary="a GAN with several discriminators",
        target="rockfall_generators.multi_gan:MultiGan",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Durugkar, Gemp and Mahadevan 2017, Generative Multi-Adversarial Networks",
    )
    register.model(
        name="flow",
        summary="rectified flow: carries noise to data on nearly straight paths",
        target="rockfall_generators.flow:Flow",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=("samples", "blends", "generates"),
        reference="Liu, Gong and Liu 2023, Flow Straight and Fast: Learning to Generate and "
        "Transfer Data with Rectified Flow; Lipman et al. 2023, Flow Matching for Generative "
        "Modeling",
    )
    register.model(
        name="stacked-gan",
        summary="GANs one upon the other, from a class to a classifier's features to the picture",
        target="rockfall_generators.stacked_gan:StackedGan",
        learns_from=("labelled-pictures", "labelled-vectors"),
        default_source="digits",
        capabilities=("samples", "blends", "generates", "classifies"),
        reference="Huang et al. 2017, Stacked Generative Adversarial Networks",
    )
