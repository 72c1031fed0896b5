"""The table of contents: names, targets and summaries of datasets and pictures."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.dataset(
        name="digits",
        summary="UCI digits: 1,797 handwritten digits of 8 × 8, embedded; nothing to download",
        target="rockfall_datasets.digits:digits",
        kinds=("pictures", "labelled-pictures"),
        licence="CC BY 4.0",
        reference="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI",
    )
    register.dataset(
        name="mnist",
        summary="MNIST: 70,000 handwritten digits of 28 × 28; a download of 12 MB",
        target="rockfall_datasets.mnist:mnist",
        kinds=("pictures", "labelled-pictures"),
        licence="CC BY-SA 3.0",
        reference="LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition",
    )
    register.dataset(
        name="fashion-mnist",
        summary="Fashion-MNIST: 70,000 pieces of clothing of 28 × 28; a download of 31 MB",
        target="rockfall_datasets.mnist:fashion_mnist",
        kinds=("pictures", "labelled-pictures"),
        licence="MIT",
        reference="Xiao, Rasul and Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747",
    )
    register.dataset(
        name="kmnist",
        summary="Kuzushiji-MNIST: 70,000 cursive hiragana of 28 × 28; a download of 21 MB",
        target="rockfall_datasets.mnist:kmnist",
        kinds=("pictures", "labelled-pictures"),
        licence="CC BY-SA 4.0",
        reference="Clanuwat et al. 2018, Deep Learning for Classical Japanese Literature",
    )
    register.dataset(
        name="cifar10",
        summary="CIFAR-10: 60,000 photographs of 32 × 32, 10 classes; a download of 170 MB",
        target="rockfall_datasets.cifar10:cifar10",
        kinds=("pictures", "labelled-pictures"),
        licence="none stated; its authors ask to be cited",
        reference="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    )
    register.dataset(
        name="cifar100",
        summary="CIFAR-100: 60,000 photographs of 32 × 32, 100 classes; a download of 169 MB",
        target="rockfall_datasets.cifar100:cifar100",
        kinds=("pictures", "labelled-pictures"),
        licence="none stated; its authors ask to be cited",
        reference="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    )
    register.dataset(
        name="gaussian-1d",
        summary="one-dimensional Gaussian: samples of mean 4 and variance 0.5",
        target="rockfall_datasets.synthetic:gaussian_1d",
        kinds=("vectors",),
        licence="MIT",
        reference="sampled by Rockfall",
    )
    register.dataset(
        name="ring",
        summary="mixture of eight Gaussians on a circle: samples in two dimensions",
        target="rockfall_datasets.synthetic:ring",
        kinds=("vectors", "labelled-vectors"),
        licence="MIT",
        reference="after Metz et al. 2017, Unrolled Generative Adversarial Networks",
    )
    register.dataset(
        name="patches",
        summary="random patches of another dataset's pictures, for unsupervised feature learning",
        target="rockfall_datasets.patches:patches",
        kinds=("pictures",),
        licence="that of the pictures",
        reference="after Coates, Lee and Ng 2011, An Analysis of Single-Layer Networks in "
        "Unsupervised Feature Learning",
    )
    register.dataset(
        name="photos",
        summary="random crops of two photographs, embedded; nothing to download",
        target="rockfall_datasets.photos:photos",
        kinds=("pictures",),
        licence="CC BY 2.0",
        reference="danielbuechele and vultilion, Flickr; the photographs come with scikit-learn",
    )
    register.picture(
        name="china",
        summary="a photograph of a temple among trees, 640 × 427, embedded",
        target="rockfall_datasets.photographs:china",
        licence="CC BY 2.0",
        reference="danielbuechele, Flickr 6061409035; comes with scikit-learn",
    )
    register.picture(
        name="flower",
        summary="a photograph of a dahlia, 640 × 427, embedded",
        target="rockfall_datasets.photographs:flower",
        licence="CC BY 2.0",
        reference="vultilion, Flickr 6056698931; comes with scikit-learn",
    )
    register.source_opener(
        name="folder",
        summary="the path of a folder of pictures, with a subfolder for each class",
        target="rockfall_datasets.folder:open_folder",
        suits="rockfall_datasets.folder_presets:preset_for",
        order=90,  # last, since its errors say what is wrong with a path
    )
