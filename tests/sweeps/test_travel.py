"""Runs that travel by a URL, between machines that share nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rockfall import Interrupted, RockfallError, UsageError
from rockfall.verbs import RunDirectory
from rockfall_sweeps import sweep
from rockfall_sweeps.travel import fetch, send
from rockfall_sweeps.trial import INTERRUPT, Job, carry_out

pytest.importorskip("fsspec")


def job(out: Path, remote: str = "") -> Job:
    return Job(
        out=str(out),
        name="t",
        model="autoencoder",
        source="digits",
        settings={"hidden": "4", "latent": "2", "epochs": "40", "batch_size": "256"},
        metric="validation_loss",
        checkpoint_every=0.0,
        remote=remote,
    )


def test_a_run_goes_on_where_it_has_never_been(tmp_path: Path) -> None:
    remote = f"file://{tmp_path / 'far'}"
    whole: list[dict[str, Any]] = []
    carry_out(job(tmp_path / "whole"), lambda data: whole.append(data) or "")  # type: ignore[func-returns-value]
    first: list[dict[str, Any]] = []

    def stopping(data: dict[str, Any]) -> str:
        first.append(data)
        return INTERRUPT if data["event"] == "progress" and data["fraction"] > 0.2 else ""

    with pytest.raises(Interrupted):
        carry_out(job(tmp_path / "here", remote), stopping)
    assert not (tmp_path / "here").exists()  # all of it has travelled
    assert (tmp_path / "far" / "t" / "checkpoint" / "last.safetensors").exists()
    rest: list[dict[str, Any]] = []
    carry_out(job(tmp_path / "there", remote), lambda data: rest.append(data) or "")  # type: ignore[func-returns-value]
    assert rest[1]["resumed"]
    assert rest[-1] == whole[-1]
    assert fetch(f"{remote}/t", tmp_path / "back" / "t")
    back, theirs = RunDirectory(tmp_path / "back" / "t"), RunDirectory(tmp_path / "whole" / "t")
    mine = [{**line, "seconds": 0} for line in back.logged()]
    assert mine == [{**line, "seconds": 0} for line in theirs.logged()]
    assert (back.result() or {})["figures"] == (theirs.result() or {})["figures"]
    assert {p.name for p in back.pictures.glob("*")} >= {
        p.name for p in theirs.pictures.glob("[a-z]*.png") if "-" not in p.name
    }


def test_what_is_sent_takes_its_name_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that was cut off on its way does not count."""
    run, far = tmp_path / "run", tmp_path / "far"
    (run / "checkpoint").mkdir(parents=True)
    for name, text in (("run.json", "{}"), ("checkpoint/last.safetensors", "first")):
        (run / name).write_text(text)
    send(run, f"file://{far}")
    (run / "checkpoint" / "last.safetensors").write_text("second")
    from fsspec.implementations.local import LocalFileSystem

    original = LocalFileSystem.put_file

    def cut(self: Any, source: str, target: str, **how: Any) -> None:
        if "last" in target:
            Path(target).write_text("sec")
            raise OSError("connection reset")
        original(self, source, target, **how)

    monkeypatch.setattr(LocalFileSystem, "put_file", cut)
    with pytest.raises(RockfallError, match=r"can't reach file://.*: connection reset"):
        send(run, f"file://{far}")
    assert fetch(f"file://{far}", tmp_path / "back")
    assert (tmp_path / "back" / "checkpoint" / "last.safetensors").read_text() == "first"
    assert not fetch(f"file://{tmp_path / 'nothing'}", tmp_path / "other")


def test_a_url_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--remote can't reach nowhere://x"):
        sweep("vae", remote="nowhere://x", out=tmp_path)
    assert not list(tmp_path.iterdir())
