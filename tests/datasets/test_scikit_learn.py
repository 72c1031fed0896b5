"""What comes with scikit-learn is read from its files, and is what scikit-learn itself reads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_sample_image

from rockfall import RockfallError, open_source
from rockfall_datasets import from_scikit_learn, photographs
from rockfall_datasets.digits import digits


def test_the_digits_are_scikit_learn_s() -> None:
    bunch, found = load_digits(), digits()
    pictures = torch.cat([found.splits[name].inputs for name in ("train", "validation", "test")])
    labels = torch.cat([found.splits[name].labels for name in ("train", "validation", "test")])
    theirs = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    assert pictures.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert sorted(zip(pictures.flatten(1).tolist(), labels.tolist(), strict=True)) == sorted(
        zip(theirs.reshape(-1, 64).tolist(), bunch.target.tolist(), strict=True)
    )


@pytest.mark.parametrize("name", ["china", "flower"])
def test_the_photographs_are_scikit_learn_s(name: str) -> None:
    found = getattr(photographs, name)()
    assert found.dtype == torch.uint8
    assert found.is_contiguous()
    assert (found.permute(1, 2, 0).numpy() == load_sample_image(f"{name}.jpg")).all()


def test_a_file_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_scikit_learn, "find_spec", lambda name: None)
    with pytest.raises(RockfallError, match=r"scikit-learn lacks its data/digits.csv.gz"):
        open_source("digits")


@pytest.mark.long
def test_neither_imports_scikit_learn() -> None:
    code = (
        "import sys, rockfall; rockfall.open_source('digits'); rockfall.open_source('china'); "
        "assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
