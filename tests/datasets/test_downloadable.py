"""mnist and its relatives, cifar10, cifar100: found or downloaded; split; refused when wrong."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rockfall.cli import main
from rockfall.errors import RockfallError, Unavailable, UsageError
from rockfall.kit import transfer
from rockfall.kit.downloads import Remote
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from rockfall_datasets import cifar10, cifar100, mnist
from tests.core.mirrors import Mirror, mirror, whole

DRAWN = ("mnist", "fashion-mnist", "kmnist")
PHOTOGRAPHED = ("cifar10", "cifar100")
PUBLISHED = {"cifar10": cifar10.CIFAR10, "cifar100": cifar100.CIFAR100}
TRAIN, TEST = 40, 10
RNG = np.random.default_rng(0)


def packed(*dimensions: int, values: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{len(dimensions)}I", 0, 8, len(dimensions), *dimensions)
    return header + values.astype(np.uint8).tobytes()


IDX = {
    f"{part}-{name}": content
    for part, count in (("train", TRAIN), ("t10k", TEST))
    for name, content in (
        (
            "images-idx3-ubyte",
            packed(count, 28, 28, values=RNG.integers(0, 256, (count, 28, 28))),
        ),
        ("labels-idx1-ubyte", packed(count, values=np.arange(count) % 10)),
    )
}


def tar(name: str) -> bytes:
    """A small archive in the layout of the published one, every record's pixels its own."""
    published, out = PUBLISHED[name], io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for file in (*published.train, *published.test):
            count = TRAIN // len(published.train) if file in published.train else TEST
            labels = [np.arange(count) % classes for classes in published.labels]
            pixels = RNG.integers(0, 256, (count, 3072))
            records = np.column_stack([*labels, pixels]).astype(np.uint8)
            info = tarfile.TarInfo(f"{published.folder}/{file}")
            info.size = records.size
            made.addfile(info, io.BytesIO(records.tobytes()))
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROCKFALL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(transfer, "TIMEOUT", 2.0)
    return tmp_path / "data"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror that has small sets; nothing else is asked."""
    with mirror() as running:
        zipped = {name: gzip.compress(content, mtime=0) for name, content in IDX.items()}
        for name in DRAWN:
            files = {n: (len(z), hashlib.sha256(z).hexdigest()) for n, z in zipped.items()}
            small = dataclasses.replace(
                mnist.PUBLISHED[name], mirrors=(running.url(f"/{name}"),), files=files
            )
            monkeypatch.setitem(mnist.PUBLISHED, name, small)
            for file, content in zipped.items():
                running.answers[f"/{name}/{file}.gz"] = whole(content)
        for name, module in (("cifar10", cifar10), ("cifar100", cifar100)):
            published, content = PUBLISHED[name], tar(name)
            monkeypatch.setattr(
                module,
                name.upper(),
                dataclasses.replace(
                    published,
                    archive=Remote(
                        published.archive.name,
                        (running.url(f"/{name}"),),
                        f"sha256:{hashlib.sha256(content).hexdigest()}",
                        len(content),
                    ),
                    train=dict.fromkeys(published.train, TRAIN // len(published.train)),
                    test=dict.fromkeys(published.test, TEST),
                ),
            )
            running.answers[f"/{name}"] = whole(content)
        yield running


def opened(name: str, **options: object) -> Dataset:
    source = open_source(name, options)
    assert isinstance(source, Dataset)
    return source


@pytest.mark.parametrize("name", [*DRAWN, *PHOTOGRAPHED])
def test_it_is_downloaded_once_and_then_found(server: Mirror, folder: Path, name: str) -> None:
    first = opened(name, validation=8)
    asked = len(server.asked)
    assert asked == (4 if name in DRAWN else 1)
    again = opened(name, validation=8)
    assert len(server.asked) == asked
    assert again.info == first.info
    assert first.info.sizes == {"train": TRAIN - 8, "validation": 8, "test": TEST}
    assert first.info.shape == ((1, 28, 28) if name in DRAWN else (3, 32, 32))
    assert len(first.info.classes) == (100 if name == "cifar100" else 10)


@pytest.mark.parametrize("name", PHOTOGRAPHED)
def test_the_archive_goes_once_it_is_unpacked(server: Mirror, folder: Path, name: str) -> None:
    opened(name, validation=8)
    published = PUBLISHED[name]
    assert {p.name for p in (folder / name).iterdir() if p.suffix != ".lock"} == {published.folder}
    found = {path.name for path in (folder / name / published.folder).iterdir()}
    assert found == {*published.train, *published.test}


def test_an_archive_that_the_user_laid_there_stays(server: Mirror, folder: Path) -> None:
    (folder / "cifar10").mkdir(parents=True)
    archive = folder / "cifar10" / "cifar-10-binary.tar.gz"
    archive.write_bytes(tar("cifar10"))
    opened("cifar10", validation=8)
    assert not server.asked
    assert archive.exists()


def lay(folder: Path, name: str, *, plain: bool = False, **changed: bytes) -> None:
    (folder / name).mkdir(parents=True)
    for file, content in IDX.items():
        content = changed.get(file.replace("-", "_"), content)
        path = folder / name / (file if plain else f"{file}.gz")
        path.write_bytes(content if plain else gzip.compress(content))


@pytest.mark.parametrize("plain", [False, True])
def test_files_that_lie_there_are_used(folder: Path, plain: bool) -> None:
    """Pictures and labels where the format says they are, and each with its own."""
    lay(folder, "kmnist", plain=plain)
    data = opened("kmnist", validation=8)
    images = np.frombuffer(IDX["train-images-idx3-ubyte"], np.uint8, offset=16)
    of = {p.tobytes(): i for i, p in enumerate(images.reshape(TRAIN, 28, 28))}
    found = []
    for split in (data.train, data.validation):
        rows = [of[picture.numpy().tobytes()] for picture in split.inputs[:, 0]]
        assert split.labels.tolist() == [row % 10 for row in rows]
        assert rows == sorted(rows)
        found += rows
    assert sorted(found) == list(range(TRAIN))
    test = np.frombuffer(IDX["t10k-images-idx3-ubyte"], np.uint8, offset=16)
    assert data.test.inputs.numpy().tobytes() == test.tobytes()
    assert data.test.labels.tolist() == list(range(TEST))
    assert data.info.classes[:3] == ("o", "ki", "su")


def test_the_held_out_pictures_are_drawn_by_the_seed(folder: Path) -> None:
    lay(folder, "mnist")
    first, again, other = (opened("mnist", validation=8, seed=s) for s in (3, 3, 4))
    assert torch.equal(first.validation.inputs, again.validation.inputs)
    assert not torch.equal(first.validation.inputs, other.validation.inputs)
    assert torch.equal(first.test.inputs, other.test.inputs)


@pytest.mark.parametrize(("validation", "left"), [(1, TRAIN - 1), (TRAIN - 1, 1)])
def test_how_many_may_be_held_out(folder: Path, validation: int, left: int) -> None:
    lay(folder, "mnist")
    assert opened("mnist", validation=str(validation)).info.sizes["train"] == left


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"validation": 0}, "validation: input should be greater than or equal to 1"),
        ({"validation": TRAIN}, "validation=40 leaves no training pictures; 39 is the most"),
        ({"validation": "0.1"}, "validation: input should be a valid integer"),
        ({"validation": "many"}, "validation: input should be a valid integer"),
        ({}, "validation=5,000 leaves no training pictures; 39 is the most"),
        ({"validation": 8, "seed": -1}, "seed: input should be greater"),
        ({"validation": 8, "seed": "x"}, "seed: input should be a valid integer"),
        ({"validation": 8, "valdation": 1}, "valdation"),
    ],
)
def test_options_that_can_t_be(folder: Path, options: dict[str, object], complaint: str) -> None:
    lay(folder, "mnist")
    with pytest.raises(UsageError) as caught:
        opened("mnist", **options)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("train_images_idx3_ubyte", IDX["train-images-idx3-ubyte"][:-1], "ends after"),
        ("train_images_idx3_ubyte", IDX["train-labels-idx1-ubyte"], "does not hold pictures"),
        (
            "t10k_images_idx3_ubyte",
            packed(1, 14, 14, values=np.zeros(196)),
            "does not hold pictures of 28",
        ),
        ("t10k_labels_idx1_ubyte", IDX["train-labels-idx1-ubyte"], "label for each of 10 pic"),
        ("train_labels_idx1_ubyte", IDX["train-images-idx3-ubyte"], "label for each of 40 pic"),
        (
            "train_labels_idx1_ubyte",
            packed(TRAIN, values=np.arange(TRAIN) % 11),
            "record 10 has the label 10, but labels of 10 classes are 0 … 9",
        ),
        ("t10k_labels_idx1_ubyte", b"not what it should be", "its header is not that of one"),
    ],
)
def test_files_that_are_wrong_are_named(
    folder: Path, file: str, content: bytes, complaint: str
) -> None:
    lay(folder, "fashion-mnist", **{file: content})
    with pytest.raises(RockfallError) as caught:
        opened("fashion-mnist", validation=8)
    assert complaint in str(caught.value)
    assert file.replace("_", "-") in str(caught.value)


def test_what_is_wrong_is_told_before_the_rest_is_downloaded(server: Mirror, folder: Path) -> None:
    (folder / "mnist").mkdir(parents=True)
    (folder / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"garbage")
    with pytest.raises(
        RockfallError, match=r"train-images-idx3-ubyte\.gz is not a complete IDX file"
    ):
        opened("mnist")
    assert not server.asked


def test_a_cifar_batch_that_is_wrong_is_named(server: Mirror, folder: Path) -> None:
    opened("cifar10", validation=8)
    path = folder / "cifar10" / "cifar-10-batches-bin" / "data_batch_4.bin"
    whole_batch = path.read_bytes()
    path.write_bytes(whole_batch[: 2 * 3073] + bytes([11]) + whole_batch[2 * 3073 + 1 :])
    with pytest.raises(RockfallError, match=r"data_batch_4\.bin: record 2 has the label 11"):
        opened("cifar10", validation=8)
    path.write_bytes(whole_batch[:-1])
    with pytest.raises(RockfallError, match=r"data_batch_4\.bin has 24,583 bytes"):
        opened("cifar10", validation=8)
    path.unlink()  # as the message says
    assert opened("cifar10", validation=8).info.sizes["train"] == TRAIN - 8


def test_of_cifar100_the_fine_labels_are_learned(server: Mirror, folder: Path) -> None:
    data = opened("cifar100", validation=1)
    # Its labels in the made-up file count up; the coarse ones would start again after 20.
    assert sorted([*data.train.labels.tolist(), *data.validation.labels.tolist()]) == list(
        range(40)
    )
    assert data.info.classes[1] == "aquarium_fish"
    assert data.info.classes[-1] == "worm"


def test_what_can_t_be_had(server: Mirror, folder: Path) -> None:
    server.answers.clear()
    for name in (*DRAWN, *PHOTOGRAPHED):
        with pytest.raises(Unavailable, match="HTTP 404") as caught:
            opened(name)
        assert str(folder / name) in str(caught.value)


def test_the_addresses_and_digests_are_of_each_file() -> None:
    remotes = [p.archive for p in PUBLISHED.values()]
    remotes += [p.remote(file) for p in mnist.PUBLISHED.values() for file in p.files]
    assert len(remotes) == 14
    assert len({remote.digest for remote in remotes}) == 14
    for remote in remotes:
        assert len(remote.urls) > 1
        assert all(url.endswith(f"/{remote.name}") for url in remote.urls)
        assert remote.digest.startswith("sha256:")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as done:
        main(["info", *arguments])
    captured = capsys.readouterr()
    assert (done.value.code, captured.err) == (0, "")
    return captured.out


@pytest.mark.parametrize("name", [*DRAWN, *PHOTOGRAPHED])
def test_info_downloads_nothing(
    server: Mirror, folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(capsys, name)
    data = json.loads(told(capsys, name, "--json"))
    assert not server.asked
    assert not folder.exists()
    assert f"Not on this machine yet: `rockfall show {name}` or a training downloads it." in text
    assert not data["at_hand"]
    assert "sizes" not in data
    there = opened(name, validation=8)
    assert data["options"] == [option._asdict() for option in there.options]
    capsys.readouterr()
    told_now = json.loads(told(capsys, name, "source.validation=8", "--json"))
    assert told_now["at_hand"]
    assert told_now["sizes"]["test"] == TEST
    assert told_now["models"] == data["models"] != []


def test_info_of_what_is_not_here_refuses_options_all_the_same(
    server: Mirror, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("source.colour=1", "source.limit=0"):
        with pytest.raises(SystemExit) as done:
            main(["info", "cifar100", option])
        assert done.value.code == 2
        assert option[7:12] in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.long
def test_json_is_not_disturbed_by_a_download(
    server: Mirror,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(mnist.mnist, "__defaults__", (8, 0))
    with pytest.raises(SystemExit) as done:
        main(["show", "mnist", "--json", "--out", str(tmp_path / "sheet.png")])
    assert done.value.code == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["sizes"]["test"] == TEST
    assert [line.split()[:2] for line in captured.err.splitlines()] == [
        ["downloading", f"mnist/{file}.gz"] for file in IDX
    ]


# The real data, where it is ----------------------------------------------------------------------


def real(*parts: str) -> Path:
    base = os.environ.get("ROCKFALL_DATA")
    if not base or not Path(base, *parts).exists():
        pytest.skip(f"ROCKFALL_DATA has no {'/'.join(parts)}")
    return Path(base, *parts)


def test_real_mnist() -> None:
    folder = real("mnist")
    data = opened("mnist")
    assert data.info.sizes == {"train": 55_000, "validation": 5_000, "test": 10_000}
    for name, md5 in (
        ("t10k-images-idx3-ubyte.gz", "2646ac647ad5339dbf082846283269ea"),
        ("t10k-labels-idx1-ubyte.gz", "27ae3e4e09519cfbb04c329615203637"),
    ):
        assert hashlib.md5(gzip.decompress((folder / name).read_bytes())).hexdigest() == md5
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # The mean and deviation that everyone normalises with, of all 60,000.
    everything = torch.cat([data.train.inputs, data.validation.inputs]).float() / 255
    assert everything.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert everything.std().item() == pytest.approx(0.3081, abs=5e-5)


def test_real_cifar10() -> None:
    real("cifar10", "cifar-10-batches-bin")
    data = opened("cifar10", validation=1000, seed=1)
    assert data.info.sizes == {"train": 49_000, "validation": 1_000, "test": 10_000}
    labels = torch.cat([data.train.labels, data.validation.labels])
    assert labels.bincount().tolist() == [5000] * 10
    assert data.test.labels.bincount().tolist() == [1000] * 10
    everything = torch.cat([data.train.inputs, data.validation.inputs]).float().div_(255)
    means = everything.mean((0, 2, 3)).tolist()
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)


def test_nothing_is_downloaded_to_say_what_there_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from rockfall.cli import main; main(['list', 'datasets', '--json'])",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ROCKFALL_DATA": str(tmp_path / "none")},
    )
    rows = {row["name"]: row for row in json.loads(done.stdout)["datasets"]}
    assert {*DRAWN, *PHOTOGRAPHED} <= rows.keys()
    assert not (tmp_path / "none").exists()
