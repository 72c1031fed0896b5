"""The estimators: scikit-learn's own checks, formulas, and that they are the models of runs."""

from __future__ import annotations

import copy
import itertools
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import check_estimator

from rockfall.kit.randomness import random_state, seed_everything
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.sources.dataset import Dataset, Split
from rockfall.testing.comparing import difference
from rockfall_boltzmann.estimators import RBM, SSRBM, Estimator, MuSSRBM

README = Path(__file__).parents[2] / "plugins/boltzmann/README.md"
KINDS = [RBM, SSRBM, MuSSRBM]


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """(300, 64) from 0 to 1."""
    values: np.ndarray = load_digits().data[:300] / 16
    return values


def small(kind: Any = RBM, **given: Any) -> Any:
    return kind(**{"n_components": 8, "n_iter": 2, "random_state": 0, "device": "cpu", **given})


# What scikit-learn expects ----------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    "estimator",
    [RBM(), small(visible="gaussian"), small(SSRBM), small(MuSSRBM)],
    ids=["bernoulli", "gaussian", "ssrbm", "mu-ssrbm"],
)
def test_check_estimator(estimator: Estimator) -> None:
    """It skips what it skips for BernoulliRBM, and nothing fails, though there two checks do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None)
        theirs = check_estimator(BernoulliRBM(2, n_iter=1), on_skip=None, on_fail=None)
    assert {each["status"] for each in results} <= {"passed", "skipped"}
    skipped = [
        {each["check_name"] for each in found if each["status"] == "skipped"}
        for found in (results, theirs)
    ]
    assert skipped[0] <= skipped[1]
    assert len(results) >= len(theirs) - 1  # that of sparse arrays' tag is for those that take them


@pytest.mark.long
def test_the_readmes_example() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.M)
    names: dict[str, Any] = {}
    exec(compile(block, str(README), "exec"), names)
    plain = LogisticRegression(max_iter=1000).fit(names["X_train"], names["y_train"])
    assert names["accuracy"] > plain.score(names["X_test"], names["y_test"])


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_the_settings(kind: Any) -> None:
    renamed = {"hidden": "n_components", "epochs": "n_iter", "lr": "learning_rate"}
    fields = kind.Model.Config.model_fields
    expected = {renamed.get(name, name): field.default for name, field in fields.items()}
    expected |= {"device": "auto", "random_state": None, "verbose": 0}
    if kind is RBM:
        expected |= {"visible": "auto", "learning_rate": None}
    assert kind().get_params() == expected
    for name in expected:
        assert f"\n{name} : " in kind.__doc__
    assert kind(12).n_components == 12
    with pytest.raises(TypeError):
        kind(12, 30)  # as of BernoulliRBM, the rest is by name
    with pytest.raises(TypeError, match="hidden"):
        kind(hidden=12)


def test_searched_and_piped(digits: np.ndarray) -> None:
    labels = load_digits().target[:300]
    steps = [("rbm", small()), ("lr", LogisticRegression(max_iter=1000))]
    grid = {
        "rbm__n_components": np.arange(4, 12, 4),
        "rbm__learning_rate": np.float32([0.1]),
        "rbm__binarise": np.array([False]),
    }
    search = GridSearchCV(Pipeline(steps), grid, cv=2, error_score="raise")
    search.fit(digits, labels)
    fitted = search.best_estimator_.named_steps["rbm"]
    assert fitted.components_.shape == (fitted.n_components, 64)
    assert fitted.machine_.config.binarise is False


@pytest.mark.parametrize("kind", KINDS)
def test_copies_do_the_same(kind: Any, digits: np.ndarray) -> None:
    fitted = small(kind, slabs=2).fit(digits) if kind is not RBM else small().fit(digits)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(other.transform(digits), fitted.transform(digits))
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        clone(fitted).transform(digits)
    with pytest.raises(NotFittedError):
        clone(fitted).gibbs(digits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_shapes_names_and_precision(kind: Any, dtype: type, digits: np.ndarray) -> None:
    given = {"slabs": 2} if kind is not RBM else {}
    x = digits.astype(dtype)
    fitted = small(kind, **given).fit(x)
    count = 8 if kind is RBM else 8 + 8 * 2
    assert fitted.transform(x).shape == (300, count)
    assert fitted.score_samples(x).shape == (300,)
    assert fitted.gibbs(x).shape == x.shape
    for output in (fitted.transform(x), fitted.score_samples(x), fitted.gibbs(x)):
        assert output.dtype == dtype
    assert fitted.components_.shape == (8 if kind is RBM else 16, 64)
    assert fitted.intercept_hidden_.shape == (8,)
    prefix = kind.__name__.lower()
    assert list(fitted.get_feature_names_out()) == [f"{prefix}{i}" for i in range(count)]


# What is computed -------------------------------------------------------------------------------


def test_features_and_scores_are_the_formulas(digits: np.ndarray) -> None:
    fitted = small(n_iter=20, learning_rate=0.1).fit(digits)
    inputs = digits @ fitted.components_.T + fitted.intercept_hidden_
    np.testing.assert_allclose(fitted.transform(digits), expit(inputs), rtol=1e-12)
    scores = digits @ fitted.intercept_visible_ + np.logaddexp(0, inputs).sum(1)
    np.testing.assert_allclose(fitted.score_samples(digits), scores, rtol=1e-12)


def test_gibbs_is_one_sweep() -> None:
    """The mean of many draws, against a sum over all hidden states."""
    generator = np.random.default_rng(0)
    fitted = small(n_components=3).fit(generator.integers(0, 2, (20, 4)).astype(float))
    fitted.machine_.theta.data += torch.tensor(generator.normal(size=(5, 4)))
    v = np.array([1.0, 0.0, 1.0, 1.0])
    h = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    on = expit(fitted.components_ @ v + fitted.intercept_hidden_)
    chance = np.where(h == 1, on, 1 - on).prod(1)
    expected = chance @ expit(h @ fitted.components_ + fitted.intercept_visible_)
    samples = fitted.gibbs(np.tile(v, (20_000, 1)))
    assert set(np.unique(samples)) == {0.0, 1.0}
    np.testing.assert_allclose(samples.mean(0), expected, atol=0.02)
    assert not np.array_equal(samples, fitted.gibbs(np.tile(v, (20_000, 1))))


def test_units_are_binary_where_the_data_allows(digits: np.ndarray) -> None:
    assert small().fit(digits).machine_.binary
    assert not small().fit(digits - 0.001).machine_.binary
    assert not small().fit(digits * 1.001).machine_.binary
    assert not small(visible="gaussian").fit(digits).machine_.binary
    assert small().fit(digits).machine_.initial_lr == 0.1
    assert small(visible="gaussian").fit(digits).machine_.initial_lr < 0.1
    assert small(visible="gaussian", learning_rate=0.02).fit(digits).machine_.initial_lr == 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_fits_the_same(kind: Any, digits: np.ndarray, tmp_path: Path) -> None:
    """Of the same seed, settings and data, with checkpoints and metrics."""
    fitted = small(kind).fit(digits)
    seed = int(np.random.RandomState(0).randint(2**31))
    split = Split(torch.tensor(digits).float(), torch.full((300,), -1))
    data = Dataset("X", dict.fromkeys(("train", "validation", "test"), split), kinds=("vectors",))
    config = kind.Model.Config(hidden=8, epochs=2)
    record = Record(
        model=f"rockfall-boltzmann:{kind.__name__}",
        source="X",
        source_options={},
        preset="",
        config=config.model_dump(mode="json"),
        info=data.info.to_json(),
        seed=seed,
        device="cpu",
        precision="float32",
        threads=1,
        matmul_precision="highest",
        created="",
        versions={},
    )
    seed_everything(seed)
    machine = kind.Model(config, data.info)
    run = Run(RunDirectory.create(tmp_path, "", "run", record), record, machine, checkpoint_every=0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        machine.fit(data, run)
    finally:
        torch.set_num_threads(threads)
    assert not difference(machine.double().state_dict(), fitted.machine_.state_dict())


# What is left alone -----------------------------------------------------------------------------


def test_the_seed_decides(digits: np.ndarray) -> None:
    first = small().fit(digits).components_
    np.testing.assert_array_equal(first, small().fit(digits).components_)
    state = np.random.RandomState(0)
    estimator = small(random_state=state)
    np.testing.assert_array_equal(first, estimator.fit(digits).components_)
    assert not np.array_equal(first, estimator.fit(digits).components_)  # the state has moved on
    assert not np.array_equal(first, small(random_state=1).fit(digits).components_)
    again = []
    for _ in range(2):
        np.random.seed(5)
        again.append(small(random_state=None).fit(digits).components_)
    np.testing.assert_array_equal(*again)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_around_it_changes(
    kind: Any, digits: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(2)
    torch.set_float32_matmul_precision("medium")
    generators, given = random_state(), digits.copy()
    try:
        fitted = small(kind).fit(digits)
        fitted.gibbs(digits)
        assert torch.get_num_threads() == 2
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
    assert not difference(generators, random_state())
    np.testing.assert_array_equal(digits, given)
    assert not list(tmp_path.iterdir())


# Invalid input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_components": 0}, "RBM: n_components: input should be greater than or equal to 1"),
        ({"learning_rate": -1, "n_iter": 1.5}, "learning_rate: .* n_iter|n_iter: .* learning_rate"),
        ({"visible": "binary"}, "visible: input should be 'auto', 'bernoulli' or 'gaussian'"),
        ({"device": "abacus"}, "RBM: no device abacus"),
        (
            {"visible": "gaussian", "learning_rate": 1e30},
            "RBM: training diverged, .* a smaller learning_rate",
        ),
        ({"n_components": 10**8}, "take fewer hidden units"),
    ],
)
def test_invalid_parameters(given: dict[str, Any], message: str, digits: np.ndarray) -> None:
    with pytest.raises(ValueError, match=message):
        small(**given).fit(digits)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((3, 2), np.nan), "NaN"),
        (np.array([[0.0, np.inf], [1.0, 0.0]]), "infinity"),
        (np.array([[0.0, 1e300], [1.0, 0.0]]), "not finite"),
        (np.ones((1, 2)), "minimum of 2"),
        (np.full((5, 2), 0.5), "the same"),
        (np.zeros((5, 0)), "0 feature"),
    ],
    ids=["nan", "infinite", "beyond float32", "one sample", "constant", "no features"],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_invalid_data(kind: Any, data: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(kind).fit(data)


def test_binary_units_take_probabilities_alone(digits: np.ndarray) -> None:
    with pytest.raises(
        ValueError, match=r"from 0 to 1, and those of X range from 0 to 16.*gaussian"
    ):
        small(visible="bernoulli").fit(digits * 16)


def test_verbose_prints_metrics(digits: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    small(n_iter=36, verbose=1).fit(digits)  # of 30 updates
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["[RBM] Iteration 34", "[RBM] Iteration 36"]
    assert all("pseudo_likelihood = -" in line for line in lines)
    small().fit(digits)
    assert not capsys.readouterr().out
