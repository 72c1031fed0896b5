"""The training loop that all classifiers share, setting by setting, against references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall.errors import UsageError
from rockfall.kit import checkpoint
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.opening import open_source
from rockfall.testing import pretend_device
from rockfall.testing.rehearsal import copy_of, outcome, rehearse
from rockfall.testing.resuming import check_resume
from rockfall_vision.classifier import Classifier, ClassifierConfig, accuracy
from rockfall_vision.mlp import Mlp

AUGMENTATION: dict[str, Any] = {
    "flip": True,
    "shift": 2,
    "cutout": 3,
    "rotation": 15.0,
    "zoom": 0.3,
    "crop": 0.7,
    "colour_jitter": 0.3,
}


def train(out: Path, **settings: Any) -> rockfall.Run:
    settings = {"layers": (16,), "epochs": 2, **settings}
    return rockfall.train("mlp", out=out, listeners=[], **settings)


def logged(run: rockfall.Run, name: str) -> list[float]:
    """Every value of a metric."""
    return [line[name] for line in run.metrics if name in line]


def digits() -> Dataset:
    opened = open_source("digits")
    assert isinstance(opened, Dataset)
    return opened


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[Tensor]]:
    """The network's weights before the first step and after each."""
    weights: list[list[Tensor]] = []
    make = Mlp.make_optimizers

    def make_recording(self: Mlp) -> list[torch.optim.Optimizer]:
        optimizers = make(self)

        def record(*_: Any) -> None:
            weights.append([p.detach().clone() for p in self.network.parameters()])

        record()
        optimizers[-1].register_step_post_hook(record)
        return optimizers

    monkeypatch.setattr(Mlp, "make_optimizers", make_recording)
    return weights


def test_each_step_has_the_learning_rate_of_the_schedule(
    tmp_path: Path, recorded: list[Any]
) -> None:
    # Plain gradient descent on a constant gradient would do; the first step alone is enough here:
    # a warm-up from 0 leaves the weights where they were.
    train(tmp_path, optimizer="sgd", momentum=0.0, weight_decay=0.0, warmup=0.5, epochs=1)
    before, after, later = recorded[:3]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(after, later, strict=True))


def test_average_is_exponential_and_forgets_its_beginning(
    tmp_path: Path, recorded: list[list[Tensor]]
) -> None:
    run = train(tmp_path, ema=0.6)
    expected = [w.double() for w in recorded[1]]
    decays = [min(0.6, (1 + t) / (10 + t)) for t in range(1, len(recorded) - 1)]
    assert decays[0] == pytest.approx(2 / 11) and decays[-1] == 0.6, "it rises, up to its limit"
    for decay, weights in zip(decays, recorded[2:], strict=True):
        expected = [decay * e + (1 - decay) * w for e, w in zip(expected, weights, strict=True)]
    assert isinstance(run.model, Mlp)
    for mine, theirs in zip(run.model.inference_network.parameters(), expected, strict=True):
        assert torch.allclose(mine.double(), theirs, atol=1e-5)
    learning = list(run.model.network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(learning, recorded[-1], strict=True))


def test_averaged_weights_classify_and_are_no_trainable_parameters(tmp_path: Path) -> None:
    run = train(tmp_path, ema=0.8)
    model = run.model
    assert isinstance(model, Mlp)
    inputs = digits().test.inputs[:20]
    given = model.classify(inputs)
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.zero_()
    assert torch.equal(given, model.classify(inputs))
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 64 * 16 + 16 + 170


@pytest.mark.long
def test_label_smoothing(tmp_path: Path) -> None:
    plain = train(tmp_path / "a", epochs=1).metrics[0]["train loss"]
    smooth = train(tmp_path / "b", epochs=1, label_smoothing=0.3).metrics[0]["train loss"]
    uniform = train(tmp_path / "c", epochs=1, label_smoothing=0.999999).metrics[0]["train loss"]
    assert smooth == pytest.approx(0.7 * plain + 0.3 * uniform, rel=1e-4)


def test_weight_decay_leaves_biases_alone(tmp_path: Path) -> None:
    model = train(tmp_path, weight_decay=0.5).model
    assert isinstance(model, Mlp)
    (optimizer,) = model.make_optimizers()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.5 if parameter.ndim == 2 else 0)


@pytest.mark.parametrize(("layers", "by_muon"), [((16, 8), [(16, 64), (8, 16)]), ((), [])])
def test_adamw_trains_the_output_layer_beside_muon(
    layers: tuple[int, ...], by_muon: list[Any]
) -> None:
    model = Mlp(Mlp.Config(layers=layers, optimizer="muon", lr=0.1, muon_lr=0.3), digits().info)
    adamw, *muon = model.make_optimizers()
    groups = [group for each in muon for group in each.param_groups]
    assert [tuple(p.shape) for group in groups for p in group["params"]] == by_muon
    assert all(group["lr"] == 0.3 for group in groups)
    others = [p for group in adamw.param_groups for p in group["params"]]
    assert len(others) == len(list(model.parameters())) - len(by_muon)


def scripted(monkeypatch: pytest.MonkeyPatch, accuracies: list[float]) -> None:
    coming = iter(accuracies)
    monkeypatch.setattr(
        Mlp,
        "validation_metrics",
        lambda self, split: {"validation accuracy": torch.tensor(next(coming))},
    )


def test_patience_ends_it_with_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: list[list[Tensor]]
) -> None:
    scripted(monkeypatch, [0.2, 0.6, 0.5, 0.6, 0.9])  # as good as the best is not better
    run = train(tmp_path, epochs=20, patience=2)
    steps = len(recorded) - 1
    assert run.step == steps
    assert logged(run, "validation accuracy") == pytest.approx([0.2, 0.6, 0.5, 0.6])
    best = recorded[steps // 2]  # after the second epoch of four
    assert isinstance(run.model, Mlp)
    for mine, theirs in zip(run.model.network.parameters(), best, strict=True):
        assert torch.equal(mine, theirs)
    # what is on disk is what the run hands out
    again = rockfall.open_run(RunDirectory(run.directory.path).path)
    inputs = digits().test.inputs[:20].to(again.device)
    assert torch.allclose(
        again.model.classify(inputs).cpu(), run.model.classify(digits().test.inputs[:20])
    )


def test_without_patience_it_never_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, [0.9, 0.8, 0.7, 0.6])
    run = train(tmp_path, epochs=4)
    assert len(logged(run, "validation accuracy")) == 4


@pytest.mark.parametrize(("batches", "epochs"), [(1, 1), (5, 1), (13, 1), (14, 2), (30, 3)])
def test_a_number_of_batches_ends_it_anywhere(tmp_path: Path, batches: int, epochs: int) -> None:
    run = train(tmp_path, batches=batches, batch_size=100, schedule="linear")
    assert len(logged(run, "train loss")) == run.step == batches
    assert len(logged(run, "validation loss")) == epochs
    assert -(-len(digits().train) // 100) == 13


@pytest.mark.long
def test_as_many_batches_as_epochs_have_are_these_epochs(tmp_path: Path) -> None:
    by_epochs, by_batches = (
        train(tmp_path, batch_size=100),
        train(tmp_path, batch_size=100, batches=26, epochs=7),
    )
    assert logged(by_epochs, "train loss") == logged(by_batches, "train loss")


def test_a_part_of_an_epoch_is_of_any_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    augment = Mlp.augment

    def seeing(self: Mlp, inputs: Tensor, epoch: Tensor) -> Tensor:
        seen.append(inputs)
        return augment(self, inputs, epoch)

    monkeypatch.setattr(Mlp, "augment", seeing)
    train(tmp_path, batches=2, batch_size=50)
    first = digits().train.inputs[:100].flatten(1)
    of_the_first = (torch.cat(seen).flatten(1)[:, None] == first).all(2).any(1)
    assert len(of_the_first) == 100 and of_the_first.float().mean() < 0.5


def test_augmentation_is_for_training_alone(tmp_path: Path) -> None:
    model = train(tmp_path, flip=True, shift=2, cutout=3).model
    assert isinstance(model, Mlp)
    inputs = digits().test.inputs[:20]
    assert torch.equal(model.classify(inputs), model.classify(inputs))
    prepared = model.preprocess(inputs)
    assert not torch.equal(model.augment(inputs, 0), prepared)
    assert model.augment(inputs, 0).shape == prepared.shape


@pytest.mark.long
def test_each_kind_of_augmentation_has_its_setting(tmp_path: Path) -> None:
    for name, value in AUGMENTATION.items():
        model = train(tmp_path / name, epochs=1, **{name: value}).model
        assert isinstance(model, Mlp)
        inputs = digits().test.inputs[:20]
        prepared = model.preprocess(inputs)
        assert not torch.equal(model.augment(inputs, 0), prepared), name
    model = train(tmp_path / "none", epochs=1).model
    assert isinstance(model, Mlp)
    assert torch.equal(model.augment(inputs, 0), prepared)


@pytest.mark.long
def test_augmentation_is_on_the_device_and_waits_for_nothing(tmp_path: Path) -> None:
    """All of it at once, in a captured step: whatever a GPU would refuse is refused."""
    with pretend_device():
        run = train(tmp_path, epochs=2, device="cuda", mixup=0.4, cutmix=1.0, **AUGMENTATION)
    assert run.device.type == "cuda"
    assert all(0 <= value <= 1 for value in logged(run, "train accuracy"))


@pytest.mark.long
@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_augmented_runs_resume_bit_for_bit(tmp_path: Path, mix: str) -> None:
    run = train(tmp_path / "whole", epochs=2, **{mix: 0.4}, **AUGMENTATION)
    check_resume(run.record, outcome(run.directory), run.step, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_mixed_pictures_are_learned_by_their_shares(tmp_path: Path, mix: str) -> None:
    plain, mixed = (
        train(tmp_path / name, epochs=12, **{mix: alpha})
        for name, alpha in (("plain", 0.0), ("mixed", 1.0))
    )
    for metric, sign in (("train loss", 1), ("train accuracy", -1)):
        assert sign * logged(mixed, metric)[-1] > sign * logged(plain, metric)[-1]
    assert logged(mixed, "validation accuracy")[-1] > 0.7


@pytest.mark.long
def test_with_next_to_nothing_mixed_it_learns_as_without(tmp_path: Path) -> None:
    """With an α near 0, mixup takes one picture or the other."""
    plain, hardly = (train(tmp_path / str(a), epochs=12, mixup=a) for a in (0.0, 1e-6))
    assert logged(hardly, "train loss")[-1] < 2 * logged(plain, "train loss")[-1]


def test_balanced_classes_weigh_by_their_numbers(tmp_path: Path) -> None:
    model = train(tmp_path, epochs=1, class_weights="balanced").model
    assert isinstance(model, Mlp)
    labels = torch.tensor([0] * 6 + [1] * 3 + [2] + [4] * 2)
    weights = model.class_weights(Split(torch.zeros(12, 1), labels))
    assert weights is not None
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 2, 4]), y=labels.numpy())
    torch.testing.assert_close(weights[[0, 1, 2, 4]] * 10 / 4, torch.tensor(expected).float())
    assert weights.isfinite().all(), "a class without a picture"
    # ours has 10 classes, and scikit-learn those that there are


def test_train_accuracy_is_that_of_the_batch(tmp_path: Path) -> None:
    logits = torch.tensor([[2.0, 1, 0], [0, 3, 1], [1, 0, 4], [9, 0, 0]])
    assert accuracy(logits, torch.tensor([0, 1, 2, 1])) == 0.75
    shares = torch.tensor([[0.5, 0.5, 0], [0, 1, 0], [0.2, 0.8, 0], [0, 0, 1.0]])
    assert accuracy(logits, shares) == pytest.approx((0.5 + 1 + 0 + 0) / 4)
    values = logged(train(tmp_path, epochs=20), "train accuracy")
    assert values[0] < 0.5 < 0.9 < values[-1] <= 1


def test_standardised_over_the_training_split(tmp_path: Path) -> None:
    model = train(tmp_path).model
    assert isinstance(model, Mlp)
    values = model.standardise(digits().train.inputs)
    assert values.mean().item() == pytest.approx(0, abs=1e-4)
    assert values.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_a_constant_channel_is_no_division_by_zero() -> None:
    flat = torch.full((8, 1, 4, 4), 7, dtype=torch.uint8)
    split = Split(flat, torch.tensor([0, 1] * 4))
    data = Dataset(
        "flat",
        dict.fromkeys(("train", "validation", "test"), split),
        kinds=("labelled-pictures",),
        classes=("a", "b"),
    )
    model = Mlp(Mlp.Config(), data.info)
    assert torch.isfinite(model.classify(flat)).all()


def test_one_class_is_refused(tmp_path: Path) -> None:
    info = digits().info
    from dataclasses import replace

    with pytest.raises(ValueError, match="fewer than two classes"):
        Mlp(Mlp.Config(), replace(info, classes=("seven",)))


def lone_pictures(model: str, out: Path, batch_size: int) -> rockfall.Run:
    """Learned from 10 digits; 9 at once leave one picture alone."""
    return rockfall.train(
        model,
        preset="tiny",
        source_options={"limit": 10},
        out=out,
        listeners=[],
        epochs=3,
        batch_size=batch_size,
    )


@pytest.mark.long
@pytest.mark.parametrize("model", ["lenet5-plus", "simplenet"])
def test_a_last_picture_alone_is_not_normalised(tmp_path: Path, model: str) -> None:
    run = lone_pictures(model, tmp_path, batch_size=9)
    assert len(logged(run, "train loss")) == 3
    saved = checkpoint.read(run.directory.checkpoint("last"))
    assert saved["kept"]["schedule-0"]["_last_lr"] == pytest.approx(
        [0.0, 0.0]
    )  # it came to the end


@pytest.mark.long
def test_without_normalisation_a_last_picture_is_learned_too(tmp_path: Path) -> None:
    run = lone_pictures("lenet5", tmp_path, batch_size=9)
    assert len(logged(run, "train loss")) == 6
    lone_pictures("lenet5", tmp_path, batch_size=1)


@pytest.mark.parametrize("model", ["lenet5-plus", "simplenet", "resnet", "fastnet"])
def test_single_pictures_are_refused_where_they_can_t_be_normalised(
    tmp_path: Path, model: str
) -> None:
    with pytest.raises(UsageError, match="batch_size=1: batch normalisation needs 2 pictures"):
        lone_pictures(model, tmp_path, batch_size=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_with_every_setting_a_killed_run_ends_as_one_that_never_was(
    tmp_path: Path, optimizer: str
) -> None:
    run = rockfall.train(
        "convnet",
        source_options={"limit": 19},
        out=tmp_path,
        listeners=[],
        layers="conv 4 3x3 / batchnorm / relu / dropout 0.5",
        optimizer=optimizer,
        epochs=6,
        batch_size=9,  # leaves one picture alone
        warmup=0.2,
        label_smoothing=0.1,
        ema=0.9,
        patience=1,
        flip=True,
        shift=9,  # more than the picture has
        cutout=3,
    )
    assert len(logged(run, "validation accuracy")) < 6  # patience ran out
    whole = rehearse(copy_of(run.record, tmp_path / "whole"), saves=lambda moment: False)
    expected = outcome(whole.directory)
    assert expected["figures"] == figures(run)
    check_resume(run.record, expected, whole.moment, tmp_path / "killed")


@pytest.mark.long
@pytest.mark.parametrize("model", ["mlp", "mlp-numpy", "lenet5-plus"])
def test_validation_metrics_are_of_the_validation_split(tmp_path: Path, model: str) -> None:
    """After each epoch, without label smoothing, which `lenet5-plus` is trained with."""
    run = rockfall.train(model, out=tmp_path, listeners=[], preset="tiny")
    if isinstance(run.model, Classifier):
        run.model.eval()
    data = digits().validation
    probabilities = run.model.classify(data.inputs)  # type: ignore[attr-defined]
    loss = F.nll_loss(probabilities.log(), data.labels)
    accuracy = (probabilities.argmax(1) == data.labels).float().mean()
    epochs = run.model.config.epochs  # type: ignore[attr-defined]
    for name, expected in (("validation loss", loss), ("validation accuracy", accuracy)):
        values = logged(run, name)
        assert len(values) == epochs
        assert values[-1] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.long
def test_overfitting_shows(tmp_path: Path) -> None:
    """Of 30 digits, the train loss goes on falling while the validation loss rises again."""
    run = rockfall.train(
        "mlp",
        source_options={"limit": 30},
        out=tmp_path,
        listeners=[],
        epochs=100,
        schedule="constant",
        lr=0.05,
        weight_decay=0.0,
    )
    train_loss, validation_loss = logged(run, "train loss"), logged(run, "validation loss")
    assert train_loss[-1] < 0.01 < train_loss[0]
    assert validation_loss[-1] > 1.5 * min(validation_loss)


def test_pictures_are_augmented_by_the_number_of_the_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs: list[int] = []
    augment = Mlp.augment

    def noting(self: Mlp, inputs: Tensor, epoch: Tensor) -> Tensor:
        epochs.append(int(epoch))
        return augment(self, inputs, epoch)

    monkeypatch.setattr(Mlp, "augment", noting)
    train(tmp_path, epochs=3, batch_size=10_000)
    assert epochs == [0, 1, 2]


@pytest.mark.parametrize(("precision", "dtype"), [("float32", "float32"), ("bf16", "bfloat16")])
def test_it_learns_at_the_run_s_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, dtype: str
) -> None:
    found: set[torch.dtype] = set()
    make = Mlp.make_optimizers

    def make_noting(self: Mlp) -> list[torch.optim.Optimizer]:
        self.network.register_forward_hook(
            lambda network, _, logits: found.add(logits.dtype) if network.training else None
        )
        return make(self)

    monkeypatch.setattr(Mlp, "make_optimizers", make_noting)
    train(tmp_path, epochs=1, precision=precision)
    assert found == {getattr(torch, dtype)}


def test_label_smoothing_spreads_a_share_of_each_label(tmp_path: Path) -> None:
    settings = {"epochs": 1, "batch_size": 10_000, "label_smoothing": 0.3}
    run = train(tmp_path, **settings, lr=1e-9)  # one step, and a small one
    data = digits().train
    assert isinstance(run.model, Mlp)
    with torch.no_grad():
        losses = -run.model(data.inputs).log_softmax(1)
    unsmoothed = losses[range(len(data)), data.labels].mean()
    expected = 0.7 * unsmoothed + 0.3 * losses.mean()
    (loss,) = logged(run, "train loss")
    assert loss == pytest.approx(expected.item(), abs=1e-4)
    assert loss != pytest.approx(unsmoothed.item(), abs=1e-3)


@pytest.mark.long
def test_running_statistics_of_batch_norm_are_averaged_too(tmp_path: Path) -> None:
    model = lone_pictures("lenet5-plus", tmp_path, batch_size=5).model
    assert isinstance(model, Classifier)
    averaged = dict(model.inference_network.named_buffers())
    means = {k: v for k, v in model.network.named_buffers() if k.endswith("running_mean")}
    assert means
    assert all(not torch.equal(averaged[name], mean) for name, mean in means.items())


@pytest.mark.parametrize(
    ("model", "settings", "count"),
    [("wide", {}, "4,718,718,020"), ("mlp", {"layers": "1000000,1000"}, "787,433,021,020")],
)
def test_more_parameters_than_a_memory_holds_are_refused(
    model: str, settings: dict[str, Any], count: str
) -> None:
    from dataclasses import replace

    channels = {"mean": [0.0] * 3, "std": [1.0] * 3}
    info = replace(
        digits().info,
        shape=(3, 512, 512),
        classes=tuple("abcdefghijklmnopqrst"),
        statistics=channels,
    )
    kind = registry().models.find(model).spec.load()
    before = torch.random.get_rng_state()
    with pytest.raises(ValueError, match=rf"{count} parameters are more than 500,000,000"):
        kind(kind.Config.build(model, settings), info)
    assert torch.equal(torch.random.get_rng_state(), before)


def figures(run: rockfall.Run) -> Any:
    assert run.result is not None
    return run.result["figures"]


def test_layers_and_filters(tmp_path: Path) -> None:
    model = train(tmp_path, layers=(16, 8)).model
    assert isinstance(model, Mlp)
    inputs = digits().test.inputs[:3]
    layers = model.layers(inputs)
    assert [tuple(values.shape) for values in layers.values()] == [
        (3, 16), (3, 16), (3, 8), (3, 8), (3, 10)
    ]  # fmt: skip
    assert torch.equal(list(layers.values())[-1].softmax(1), model.classify(inputs))
    weights = next(model.network.parameters())
    assert torch.equal(model.filters(), weights.reshape(16, 1, 8, 8))


def test_base_builds_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Classifier(ClassifierConfig(), digits().info)
