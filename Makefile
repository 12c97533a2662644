# Everything runs in a virtual environment of its own, built once and again when its inputs change.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# How many tests run at once; `auto` is what tests/conftest.py makes of the cores.
WORKERS ?= auto
# The few files with tests that say how quickly something happens: reading all the others would take longer than they do.
TIMING = $(shell grep -rl --include='test_*.py' 'mark\.timing' tests)

.PHONY: demo run test test-long check bench docs clean
.DELETE_ON_ERROR:

demo: $(STAMP)
	$(BIN)/holdfast demo

run: $(STAMP)
	$(BIN)/holdfast serve

test: $(STAMP)
	$(BIN)/python tests/ensure_browser.py
	@# once, and not by each of the hundreds of servers that the tests start
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m pytest -q -m 'not long and not timing' -n $(WORKERS) --dist worksteal
	$(BIN)/python -m pytest -q -m 'timing and not long' -n 2 --dist worksteal $(TIMING)

test-long: $(STAMP)
	$(BIN)/python -m pytest -q -m long

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m bench

docs: $(STAMP)
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Holdfast needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
