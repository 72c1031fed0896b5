"""The table of contents: each model's name, target, summary and reference."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

UNLABELLED = ("pictures", "vectors")
LABELLED = ("labelled-pictures", "labelled-vectors")

ADVERSARIAL = ("samples", "decodes", "blends", "generates", "layered")
AUTOENCODING = (
    "encodes",
    "reconstructs",
    "samples",
    "decodes",
    "blends",
    "generates",
    "explains",
    "layered",
)
VARIATIONAL = (*AUTOENCODING, "scores", "bounds")


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="generates",
        summary="generates examples that are measured beside real ones",
        target="rockfall_generators.protocol:Generates",
        evaluate="rockfall_generators.generates:evaluate",
        pictures="rockfall_generators.generates:pictures",
        check="rockfall_generators.generates:check",
        renamed={"points on a mode": "high-quality samples"},
    )
    register.capability(
        name="bounds",
        summary="bounds the log-likelihood: ELBO and importance-weighted bound",
        target="rockfall_generators.bounds:Bounds",
        evaluate="rockfall_generators.bounds:evaluate",
        check="rockfall_generators.bounds:check",
    )
    register.capability(
        name="likelihood",
        summary="computes the log-likelihood of an example",
        target="rockfall_generators.likelihood:Likelihood",
        evaluate="rockfall_generators.likelihood:evaluate",
        check="rockfall_generators.likelihood:check",
    )
    register.model(
        name="autoencoder",
        summary="autoencoder: compresses and reconstructs; samples of a Gaussian of latents",
        target="rockfall_generators.autoencoder:Autoencoder",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=AUTOENCODING,
        reference="Hinton and Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural "
        "Networks; Ghosh et al. 2020, From Variational to Deterministic Autoencoders",
    )
    register.model(
        name="vae",
        summary="variational autoencoder (VAE): latents with a prior, fitted by the ELBO",
        target="rockfall_generators.vae:Vae",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=VARIATIONAL,
        reference="Kingma and Welling 2014, Auto-Encoding Variational Bayes",
        renamed={"elbo": "validation elbo"},
    )
    register.model(
        name="cvae",
        summary="conditional VAE (CVAE): encoder and decoder are conditioned on the class",
        target="rockfall_generators.cvae:Cvae",
        learns_from=LABELLED,
        default_source="digits",
        capabilities=(*VARIATIONAL, "samples-by-class"),
        reference="Sohn, Lee and Yan 2015, Learning Structured Output Representation using Deep "
        "Conditional Generative Models",
        renamed={"elbo": "validation elbo"},
    )
    register.model(
        name="iwae",
        summary="importance weighted autoencoder (IWAE): a VAE fitted by a tighter bound",
        target="rockfall_generators.iwae:Iwae",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=VARIATIONAL,
        reference="Burda, Grosse and Salakhutdinov 2016, Importance Weighted Autoencoders",
    )
    register.model(
        name="beta-tc-vae",
        summary="β-TCVAE: a VAE whose latents are asked to be independent of one another",
        target="rockfall_generators.beta_tc_vae:BetaTcVae",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=VARIATIONAL,
        reference="Chen et al. 2018, Isolating Sources of Disentanglement in Variational "
        "Autoencoders",
    )
    register.model(
        name="vq-vae",
        summary="VQ-VAE: a picture as a grid of discrete codes, with a prior over them",
        target="rockfall_generators.vq_vae:VqVae",
        learns_from=("pictures",),
        default_source="digits",
        capabilities=(
            "encodes",
            "reconstructs",
            "samples",
            "generates",
            "scores",
            "likelihood",
            "layered",
        ),
        reference="van den Oord, Vinyals and Kavukcuoglu 2017, Neural Discrete Representation "
        "Learning",
    )
    register.model(
        name="gan",
        summary="generative adversarial network (GAN): a generator against a discriminator",
        target="rockfall_generators.gan:Gan",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Goodfellow et al. 2014, Generative Adversarial Nets",
    )
    register.model(
        name="dcgan",
        summary="DCGAN: a GAN of convolutional networks",
        target="rockfall_generators.dcgan:Dcgan",
        learns_from=("pictures",),
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Radford, Metz and Chintala 2016, Unsupervised Representation Learning with "
        "Deep Convolutional Generative Adversarial Networks",
    )
    register.model(
        name="wgan",
        summary="Wasserstein GAN (WGAN): a critic with clipped weights measures a distance",
        target="rockfall_generators.wgan:Wgan",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Arjovsky, Chintala and Bottou 2017, Wasserstein Generative Adversarial Networks",
    )
    register.model(
        name="wgan-gp",
        summary="Wasserstein GAN with gradient penalty (WGAN-GP) on its critic",
        target="rockfall_generators.wgan_gp:WganGp",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Gulrajani et al. 2017, Improved Training of Wasserstein GANs",
    )
    register.model(
        name="cgan",
        summary="conditional GAN (CGAN): both networks are conditioned on the class",
        target="rockfall_generators.cgan:Cgan",
        learns_from=LABELLED,
        default_source="digits",
        capabilities=(*ADVERSARIAL, "samples-by-class"),
        reference="Mirza and Osindero 2014, Conditional Generative Adversarial Nets",
    )
    register.model(
        name="multi-gan",
        summary="generative multi-adversarial network (GMAN): several discriminators",
        target="rockfall_generators.multi_gan:MultiGan",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=ADVERSARIAL,
        reference="Durugkar, Gemp and Mahadevan 2017, Generative Multi-Adversarial Networks",
        renamed={"harshness": "temperature"},
    )
    register.model(
        name="flow",
        summary="rectified flow (flow matching): transports noise to data on straight paths",
        target="rockfall_generators.flow:Flow",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=("samples", "samples-in-steps", "decodes", "blends", "generates", "layered"),
        reference="Liu, Gong and Liu 2023, Flow Straight and Fast: Learning to Generate and "
        "Transfer Data with Rectified Flow; Lipman et al. 2023, Flow Matching for Generative "
        "Modeling",
    )
    register.model(
        name="cflow",
        summary="class-conditional rectified flow, with classifier-free guidance",
        target="rockfall_generators.cflow:Cflow",
        learns_from=LABELLED,
        default_source="digits",
        capabilities=(
            "samples",
            "samples-by-class",
            "samples-in-steps",
            "decodes",
            "blends",
            "generates",
            "layered",
        ),
        reference="Ho and Salimans 2022, Classifier-Free Diffusion Guidance; Zheng et al. 2023, "
        "Guided Flows for Generative Modeling and Decision Making",
    )
    register.model(
        name="realnvp",
        summary="Real NVP: an invertible network from data to noise, with an exact likelihood",
        target="rockfall_generators.realnvp:RealNvp",
        learns_from=UNLABELLED,
        default_source="digits",
        capabilities=(
            "samples",
            "decodes",
            "blends",
            "generates",
            "scores",
            "likelihood",
            "layered",
        ),
        reference="Dinh, Sohl-Dickstein and Bengio 2017, Density estimation using Real NVP",
    )
    register.model(
        name="pixelcnn",
        summary="PixelCNN: draws a picture pixel by pixel, with an exact likelihood",
        target="rockfall_generators.pixelcnn:PixelCnn",
        learns_from=("pictures",),
        default_source="digits",
        capabilities=(
            "samples",
            "samples-in-steps",
            "generates",
            "scores",
            "likelihood",
            "layered",
        ),
        reference="van den Oord, Kalchbrenner and Kavukcuoglu 2016, Pixel Recurrent Neural "
        "Networks",
    )
    register.model(
        name="stacked-gan",
        summary="stacked GAN (SGAN): inverts a classifier, from class to features to picture",
        target="rockfall_generators.stacked_gan:StackedGan",
        learns_from=LABELLED,
        default_source="digits",
        capabilities=(
            "samples",
            "samples-by-class",
            "decodes",
            "blends",
            "generates",
            "classifies",
            "layered",
        ),
        reference="Huang et al. 2017, Stacked Generative Adversarial Networks",
        renamed={"accuracy": "validation accuracy"},
    )
