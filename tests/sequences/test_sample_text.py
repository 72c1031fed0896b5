"""`rockfall sample RUN --prompt`, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import rockfall
from rockfall import UsageError
from rockfall_capabilities.samples.verb import command
from tests.sequences.test_text import WORDS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    file = folder / "words.txt"
    file.write_text(3 * WORDS, encoding="utf-8")
    trained = rockfall.train("gru", file, preset="tiny", out=folder, listeners=[])
    assert set(trained.result["figures"]) == {"test accuracy", "test bits a symbol"}  # type: ignore[index]
    return trained.directory.path


def sample(run: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [str(run), *words])


def told(run: Path, *words: str) -> Any:
    return json.loads(sample(run, *words, "--json").output)


def test_it_goes_on_from_a_prompt(run: Path) -> None:
    given = sample(run, "--prompt", "the cat", "-n", "30").output
    assert given.startswith("the cat") and "next: rockfall sample" in given
    assert "⏎" not in given and "␣" not in given
    one = told(run, "--prompt", "the cat", "-n", "30")
    assert len(one["text"]) == 30 and set(one["text"]) <= set(WORDS)
    assert given.replace("\n", "").startswith("the cat" + one["text"].replace("\n", ""))
    assert told(run, "--prompt", "the cat", "-n", "30", "--seed", "1")["text"] != one["text"]
    assert told(run, "--temperature", "0")["prompt"] == ""


def test_without_a_prompt_it_begins_by_itself(run: Path) -> None:
    assert len(told(run)["text"]) == 500


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--prompt", "zzz"), "text without z"),
        (("--prompt", "a", "--out", "a.png"), "text is printed, so leave --out out"),
        (("--animate",), "text is printed, so leave --animate out"),
    ],
)
def test_one_line_says_why_not(run: Path, words: tuple[str, ...], reason: str) -> None:
    error = sample(run, *words).exception
    assert isinstance(error, UsageError) and reason in str(error)


def test_a_model_that_writes_nothing_says_so(run: Path) -> None:
    made = rockfall.train(
        "gru", "parity", preset="tiny", out=run.parent, listeners=[], source_options={"limit": 50}
    )
    for words in (("--prompt", "a"), ()):
        error = sample(made.directory.path, *words).exception
        assert isinstance(error, UsageError) and "not learned from text" in str(error)
