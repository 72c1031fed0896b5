# make venv · demo · quick · test · check · bench · torture · device · styles. Each but the first sets itself up first.
# quick: the tests that answer in a minute and a half; test: all but the slow; test SLOW=1: all.
# torture: trainings that are killed, runs that are damaged, in half an hour.
# device: what needs a GPU, in eight minutes, with its section of tests/benchmarks/RESULTS.md.
# styles: trains compact styles on a GPU, in eight minutes, or goes on with what is in styles/.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FILES  := requirements.txt requirements-dev.txt constraints.txt $(wildcard */pyproject.toml */*/pyproject.toml)
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# A worker a core, each with one thread. What is left of the longest share goes to who is idle, and
# neighbours stay together, so that what a module prepares is mostly prepared once. Bytecode is kept,
# whatever the surroundings say, for without it each worker and process compiles everything anew.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: venv demo quick test check bench torture device styles size clean

venv: $(STAMP)

# The build tools first, so that the distributions are built without a fetched environment for each.
$(STAMP): $(FILES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute the first time)"
	@$(PIP) install --quiet -c constraints.txt flit_core setuptools
	@$(PIP) uninstall --quiet --yes pygame  # of former checkouts: pygame-ce lies in the same folder
	@$(PIP) install --quiet --no-build-isolation -c constraints.txt -r requirements-dev.txt
	@touch $@

demo: venv
	$(BIN)/rockfall train reinforce falling-rocks-16x16
	$(BIN)/rockfall play last --games 4 --gif demo.gif
	@echo "to type rockfall yourself, first: source $(BIN)/activate"

quick: venv
	$(PYTEST) -m "not slow and not long"

test: venv
	$(PYTEST) $(if $(SLOW),,-m "not slow")

check: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: venv
	$(BIN)/python -m tests.benchmarks

torture: venv
	$(BIN)/python -m tests.torture $(if $(SEED),--seed $(SEED)) $(if $(WRITE),--write)

device: venv
	$(BIN)/python -m tests.device --write

styles: venv
	$(BIN)/python -m tests.device.styles

# Non-empty lines of the core proper: all but the kit, the conformance kit and the templates.
size:
	@find core/src/rockfall \( -name '*.py' -o -name '*.pyi' \) -not -path '*/kit/*' \
		-not -path '*/testing/*' -not -path '*/templates/*' | xargs cat | grep -cv '^\s*$$'

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
