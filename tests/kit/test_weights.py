"""Weights of others: read as safetensors, and of a published `.pth` turned into it once."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from rockfall.errors import RockfallError, Unavailable
from rockfall.kit import weights
from rockfall.kit.downloads import FOLDER_VARIABLE, Remote, only_what_is_here
from tests.core.mirrors import Mirror, mirror, whole

Serve = Callable[[Any], Remote]


@pytest.fixture
def server() -> Iterator[Mirror]:
    with mirror() as running:
        yield running


@pytest.fixture
def serve(server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """`serve(state)` publishes it as a `.pth`; bytes as they are."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "data"))

    def publish(state: Any) -> Remote:
        if not isinstance(state, bytes):
            torch.save(state, tmp_path / "state")
            state = (tmp_path / "state").read_bytes()
        server.answers["/net.pth"] = whole(state)
        digest = f"sha256:{hashlib.sha256(state).hexdigest()}"
        return Remote("net.pth", (server.url("/net.pth"),), digest)

    return publish


STATE = {"features.0.weight": torch.arange(6.0).reshape(2, 3).T, "classifier.bias": torch.ones(4)}


def test_a_published_file_is_converted_once(serve: Serve, server: Mirror, tmp_path: Path) -> None:
    remote = serve(STATE)
    for _ in range(2):
        read = weights.published_weights(remote, lambda name: name.startswith("features."))
        assert list(read) == ["features.0.weight"]
        assert torch.equal(read["features.0.weight"], STATE["features.0.weight"])
    assert len(server.asked) == 1
    kept = [file.name for file in (tmp_path / "data" / "weights").glob("[!.]*")]
    assert kept == ["net.safetensors"]


def test_another_file_is_not_even_opened(serve: Serve, tmp_path: Path) -> None:
    remote = serve(STATE)
    folder = tmp_path / "data" / "weights"
    folder.mkdir(parents=True)
    (folder / "net.pth").write_bytes(pickle.dumps(print))
    with pytest.raises(RockfallError, match=r"net\.pth has not the published digest: remove it"):
        weights.published_weights(remote, bool)
    assert (folder / "net.pth").exists(), "it is the user's"


def test_one_that_the_user_laid_there_stays(serve: Serve, server: Mirror, tmp_path: Path) -> None:
    remote = serve(STATE)
    folder = tmp_path / "data" / "weights"
    folder.mkdir(parents=True)
    torch.save(STATE, folder / "net.pth")
    remote = Remote(
        "net.pth",
        remote.urls,
        f"sha256:{hashlib.sha256((folder / 'net.pth').read_bytes()).hexdigest()}",
    )
    assert len(weights.published_weights(remote, bool)) == 2
    assert (folder / "net.pth").exists()
    assert not server.asked


class Trap:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('the trap was sprung')",)


@pytest.mark.parametrize("state", [{"w": Trap()}, {"w": torch.ones(2), "x": Trap()}, b"nothing"])
def test_what_is_not_only_weights_is_refused(serve: Serve, tmp_path: Path, state: Any) -> None:
    remote = serve(state)
    with pytest.raises(RockfallError, match="can't be read as weights"):
        weights.published_weights(remote, bool)
    assert not (tmp_path / "data" / "weights" / "net.safetensors").exists()


def test_without_a_download_there_is_none(serve: Serve) -> None:
    remote = serve(STATE)
    with only_what_is_here(), pytest.raises(Unavailable, match="weights/net"):
        weights.published_weights(remote, bool)


def test_reading(tmp_path: Path) -> None:
    save_file({"a": torch.ones(3)}, tmp_path / "a.safetensors")
    assert torch.equal(weights.read_weights(tmp_path / "a.safetensors")["a"], torch.ones(3))
    (tmp_path / "b.safetensors").write_bytes(b"no such thing at all")
    with pytest.raises(RockfallError, match="is no safetensors file, or is damaged"):
        weights.read_weights(tmp_path / "b.safetensors")
    with pytest.raises(RockfallError, match=r"can't read .*none"):
        weights.read_weights(tmp_path / "none")
