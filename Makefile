# make venv · demo · test · check · bench. Each of the last four sets itself up first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FILES  := requirements.txt requirements-dev.txt constraints.txt $(wildcard */pyproject.toml */*/pyproject.toml)
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: venv demo test check bench clean

venv: $(STAMP)

# The build tools first, so that the distributions are built without a fetched environment for each.
$(STAMP): $(FILES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute the first time)"
	@$(PIP) install --quiet -c constraints.txt flit_core setuptools
	@$(PIP) install --quiet --no-build-isolation -c constraints.txt -r requirements-dev.txt
	@touch $@

demo: venv
	$(BIN)/rockfall train reinforce falling-rocks-16x16
	$(BIN)/rockfall play last --games 4 --gif demo.gif
	@echo "to type rockfall yourself, first: source $(BIN)/activate"

test: venv
	$(BIN)/python -m pytest $(if $(SLOW),,-m "not slow")

check: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: venv
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
