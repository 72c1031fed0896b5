"""What every benchmark says of the machine that it ran on, and where its section goes."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.benchmarks import machine, report
from tests.benchmarks.machine import Median, Watch
from tests.benchmarks.report import Table

LSCPU = "model name\t: {}\ncpu family\t: 26\nmodel\t\t: 2\n"


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder has what /proc tells, and RESULTS.md."""
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "STAT", tmp_path / "stat")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(sys, "argv", ["somewhere/some_speed.py", "--write"])
    (tmp_path / "cpuinfo").write_text(LSCPU.format("Fast 1"))
    others(tmp_path, 0.0)
    return tmp_path


def others(computer: Path, seconds: float) -> None:
    """Other processes took so many CPU seconds by now, half of them system time."""
    ticks = round((seconds + machine.own_seconds()) * os.sysconf("SC_CLK_TCK") / 2)
    (computer / "stat").write_text(f"cpu  {ticks} 0 {ticks} 999999 77 0 0 0 0 0\ncpu0 1 2 3\n")


def test_a_processor_by_its_name_and_model(computer: Path) -> None:
    assert machine.processor() == "Fast 1 (family 26, model 2)"
    (computer / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Odd\n")
    assert machine.processor() == "Odd"
    (computer / "cpuinfo").unlink()
    assert machine.processor()


@pytest.mark.parametrize(("share", "busy"), [(0.0, False), (0.05, False), (0.2, True), (9.0, True)])
def test_a_busy_machine_is_told(
    computer: Path, monkeypatch: pytest.MonkeyPatch, share: float, busy: bool
) -> None:
    now = iter((100.0, 200.0))
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(now))
    watch = Watch()
    others(computer, share * 100.0 * (os.cpu_count() or 1))
    told = watch.report()
    assert re.match(r"load \d+\.\d\d before and \d+\.\d\d after, \d+% of the processor taken", told)
    assert ("the machine was busy" in told) == busy
    assert f"{min(share, 1):.0%} of" in told


def test_without_proc_the_load_alone_is_told(computer: Path) -> None:
    (computer / "stat").unlink()
    assert "processor" not in Watch().report()


def test_a_median_shows_its_range() -> None:
    assert Median([3.0, 1.0, 2.0]) == 2.0
    assert Median([3.0, 1.0, 2.0]).shown(".1f", " ×") == "2.0 × (1.0–3.0)"
    assert Median([2.0]).shown(".2f") == "2.00"
    assert report.shown(Median([1100.0, 1234.0, 5000.0])) == "1,234 (1,100–5,000)"
    assert json.dumps(Median([1.5, 2.5, 2.0])) == "2.0"


def measured(number: float) -> None:
    def measure(_: argparse.Namespace) -> list[Table]:
        return [Table("Speed", ["a"], [[number]])]

    report.script("How fast.", measure)


def test_each_processor_has_a_section_that_its_next_run_replaces(computer: Path) -> None:
    for name, number in (("Fast 1", 1.0), ("Slow 2", 2.0), ("Fast 1", 3.0), ("Slow 2", 4.0)):
        (computer / "cpuinfo").write_text(LSCPU.format(name))
        measured(number)
    text = (computer / "RESULTS.md").read_text()
    assert re.findall(r"^\| (\d)", text, re.MULTILINE) == ["3", "4"]
    for name in ("Fast 1", "Slow 2"):
        assert len(re.findall(rf"{name} \(family 26, model 2\), \d+ cores.*; load \d", text)) == 1


def test_a_section_from_before_models_were_told_is_replaced(computer: Path) -> None:
    old = "<!-- some_speed -->\n| 9 |\n\nMeasured, Fast 1, 2 cores.\n<!-- /some_speed -->"
    (computer / "RESULTS.md").write_text(f"# Measured\n\n{old}\n")
    measured(5.0)
    assert re.findall(r"^\| (\d)", (computer / "RESULTS.md").read_text(), re.MULTILINE) == ["5"]


def test_for_programs(computer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sys.argv[1:] = ["--json"]
    measured(1.0)
    (told,) = json.loads(capsys.readouterr().out)
    assert told["processor"] == "Fast 1 (family 26, model 2)"
    assert told["machine"].startswith("load ")
