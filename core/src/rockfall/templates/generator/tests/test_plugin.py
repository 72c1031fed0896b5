"""The plugin keeps Rockfall's promises, and its model learns."""

from pathlib import Path
from typing import Any

from torch import Tensor

import rockfall
from rockfall.testing import check_plugin


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_its_pictures_vary_as_those_that_it_learned_from(tmp_path: Path) -> None:
    run = rockfall.train("hello", out=tmp_path, listeners=[])
    model: Any = run.model
    data: Any = rockfall.open_source("digits")
    with rockfall.fork_rng(0):
        made = covariance(model.sample(2000))
    wanted = covariance(data.train.inputs)
    independent = wanted.diag().diag()
    assert (made - wanted).norm() < 0.6 * (independent - wanted).norm()


def covariance(pictures: Tensor) -> Tensor:
    return pictures.flatten(1).float().T.cov()
