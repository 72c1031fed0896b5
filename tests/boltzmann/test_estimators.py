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
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from rockfall.kit.randomness import random_state, seed_everything
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.sources.dataset import Dataset, Split
from rockfall.testing.comparing import difference
from rockfall_boltzmann.estimators import RBM, SSRBM, BoltzmannEstimator, MuSSRBM, unit_of

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
def test_check_estimator(estimator: BoltzmannEstimator) -> None:
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
    assert len(results) >= len(theirs)


@pytest.mark.parametrize(
    "check",
    [
        "check_set_output_transform_pandas",
        "check_global_output_transform_pandas",
        "check_dataframe_column_names_consistency",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:X .*feature names")  # they pass arrays after frames
def test_pandas(kind: Any, check: str) -> None:
    """Checks that scikit-learn keeps out of `check_estimator`, since they need pandas."""
    getattr(estimator_checks, check)(kind.__name__, small(kind))


def test_names_of_columns_come_and_go_without_a_warning(digits: np.ndarray) -> None:
    frame = pd.DataFrame(digits, columns=[f"pixel {i}" for i in range(64)])
    fitted = small().set_output(transform="pandas").fit(frame)
    features = fitted.transform(frame)
    assert list(features.columns) == [f"rbm{i}" for i in range(8)]
    np.testing.assert_array_equal(features, small().fit(digits).transform(digits))


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
    found = fitted.score_samples(digits, kind="free_energy")
    np.testing.assert_allclose(found, scores, rtol=1e-12)
    assert fitted.score(digits) == fitted.score_samples(digits).mean()


def as_theirs(fitted: RBM) -> BernoulliRBM:
    """scikit-learn's machine with the weights of ours."""
    theirs = BernoulliRBM(random_state=0)
    theirs.components_, theirs.n_features_in_ = fitted.components_, fitted.n_features_in_
    theirs.intercept_hidden_ = fitted.intercept_hidden_
    theirs.intercept_visible_ = fitted.intercept_visible_
    return theirs


def test_the_score_is_bernoulli_rbms(digits: np.ndarray) -> None:
    """The mean of ours over many like examples is theirs over many random units; each of ours is
    exactly theirs for one unit.
    """
    binary = np.round(digits)
    fitted = small(n_iter=20).fit(binary)
    scores = fitted.score_samples(binary)
    np.testing.assert_array_equal(scores, fitted.score_samples(binary))
    np.testing.assert_array_equal(scores[::-1], fitted.score_samples(binary[::-1]))
    theirs = as_theirs(fitted)
    many = np.array([(theirs.set_params(random_state=i)).score_samples(binary) for i in range(300)])
    assert np.isclose(many, scores, rtol=1e-9).any(0).mean() > 0.95
    assert abs(scores.mean() - many.mean()) < 4 * many.std() / np.sqrt(len(binary))


def test_units_that_are_scored_are_as_good_as_random() -> None:
    v = torch.tensor(np.random.default_rng(0).integers(0, 2, (6400, 16))).float()
    counts = torch.bincount(unit_of(v).flatten(), minlength=16)
    assert (counts - 400).square().sum() / 400 < 37.7  # of χ² with 15 degrees, one in a thousand


def test_log_likelihoods_sum_to_one() -> None:
    """Over all 2⁸ inputs; and by AIS, of more units than are summed over, nearly so."""
    everything = np.array(list(itertools.product((0.0, 1.0), repeat=8)))
    some = everything[::3]
    fitted = small(n_iter=30).fit(some)
    scores = fitted.score_samples(everything, kind="log_likelihood")
    assert np.exp(scores).sum() == pytest.approx(1, abs=1e-6)
    assert fitted.log_partition().chains == 0
    with pytest.raises(ValueError, match="MuSSRBM: this machine has no score log_likelihood"):
        small(MuSSRBM).fit(some).score_samples(some, kind="log_likelihood")
    with pytest.raises(ValueError, match="no score pseudo_likelihood"):
        small(visible="gaussian").fit(some).score_samples(some, kind="pseudo_likelihood")


# In pieces --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (RBM, {}),
        (RBM, {"momentum": 0.5, "sparsity_target": 0.1, "k": 2}),
        (RBM, {"method": "cd", "visible": "gaussian"}),
        (SSRBM, {}),
        (MuSSRBM, {"slabs": 2}),
    ],
)
def test_partial_fit_is_fit_in_pieces(kind: Any, given: Any, digits: np.ndarray) -> None:
    """Bit for bit, though it was pickled on the way."""
    whole = small(kind, n_iter=3, schedule="constant", **given).fit(digits)
    pieces = small(kind, **given).partial_fit(digits)
    pieces = pickle.loads(pickle.dumps(pieces)).partial_fit(digits)
    before = copy.deepcopy(pieces)
    pieces.partial_fit(digits)
    assert pieces.n_epochs_ == whole.n_epochs_ == 3
    assert not difference(pieces.machine_.state_dict(), whole.machine_.state_dict())
    assert difference(before.machine_.state_dict(), whole.machine_.state_dict())
    np.testing.assert_array_equal(pieces.h_samples_, whole.h_samples_)
    more = small(kind, n_iter=2, schedule="constant", **given).fit(digits).partial_fit(digits)
    assert not difference(more.machine_.state_dict(), whole.machine_.state_dict())


def test_partial_fit_learns_from_each_piece(digits: np.ndarray) -> None:
    stream = small(n_components=32)
    for _ in range(10):
        for piece in np.array_split(digits, 6):
            stream.partial_fit(piece)
    assert stream.score(digits) > small().partial_fit(digits).score(digits) + 1
    with pytest.raises(ValueError, match="64 features"):
        stream.partial_fit(digits[:, :10])
    assert stream.fit(digits[:, :10]).n_features_in_ == 10  # from anew


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.lil_array])
def test_sparse_is_dense(container: Any, digits: np.ndarray) -> None:
    x = container(digits)
    fitted, dense = small().fit(x), small().fit(digits)
    np.testing.assert_array_equal(fitted.components_, dense.components_)
    np.testing.assert_array_equal(fitted.transform(x), dense.transform(digits))
    np.testing.assert_array_equal(fitted.score_samples(x), dense.score_samples(digits))
    np.testing.assert_array_equal(fitted.gibbs(x), dense.gibbs(digits))
    parts = small().partial_fit(x).partial_fit(digits)
    assert parts.n_epochs_ == 2


@pytest.mark.parametrize("kind", KINDS)
def test_no_epochs_one_example_and_constant_data(kind: Any, digits: np.ndarray) -> None:
    """As `BernoulliRBM` takes them."""
    untrained = small(kind, n_iter=0).fit(digits)
    assert untrained.n_epochs_ == 0
    trained = untrained.partial_fit(digits)
    assert trained.n_epochs_ == 1
    for x in (digits[:1], np.zeros((5, 4)), np.ones((5, 4)), np.full((1, 1), 0.5)):
        fitted = small(kind).fit(x)
        for output in (fitted.transform(x), fitted.score_samples(x), fitted.gibbs(x)):
            assert np.isfinite(output).all()
    samples = small(kind).fit(np.full((5, 4), 7.0)).sample(3, random_state=0)
    assert samples.shape == (3, 4)
    assert np.isfinite(samples).all()


def test_samples(digits: np.ndarray) -> None:
    fitted = small(n_iter=20).fit(digits)
    np.testing.assert_array_equal(fitted.sample(4, 0), fitted.sample(4, 0))
    assert not np.array_equal(fitted.sample(4), fitted.sample(4))
    assert fitted.sample(4).shape == (4, 64)


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
        ({"n_iter": -1}, "RBM: n_iter: input should be greater than or equal to 0, not '-1'"),
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
        (np.zeros((5, 0)), "0 feature"),
    ],
    ids=["nan", "infinite", "beyond float32", "no features"],
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
    assert all(re.search(r", pseudo-likelihood = -\d+\.\d\d, time = ", line) for line in lines)
    small().fit(digits)
    assert not capsys.readouterr().out
