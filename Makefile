# Seatrial: `make demo` shows the main job, `make test` runs the tests. Both bring what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types mutants docs bench clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/.demo ## a Go service to an image in one command, run once, with the spans it sent
	@$(BIN)/seatrial build examples/orders --config examples/orders/seatrial.toml -o build/orders.tar

test: $(VENV)/.dev ## all tests, the real tools included
	$(BIN)/pytest

check: format lint types test ## exactly what CI runs

format: $(VENV)/.dev ## is everything formatted?
	$(BIN)/ruff format --check src tests bench

lint: $(VENV)/.dev ## ruff's rules
	$(BIN)/ruff check src tests bench

types: $(VENV)/.dev ## mypy, strict, tests included
	$(BIN)/mypy

mutants: $(VENV)/.dev ## every way to be wrong that the checks must notice, and whether they do
	@PYTHONPATH=tests $(BIN)/python -m mutants $(if $(RECORD),--record $(RECORD))

docs: $(VENV)/.dev ## write what comes from the settings' schema: its file, and docs/configuration.md
	@PYTHONPATH=tests $(BIN)/python -m settings_page

bench: $(VENV)/.dev ## speeds as ratios against peers in the same run
	$(BIN)/python -m bench

clean: ## remove what make brought (not Seatrial's cache: ~/.cache/seatrial)
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp for each set of packages: pip is asked only when the list has changed.
$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	@echo "bringing the Python packages (requirements/demo.txt, hash-checked)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/seatrial # as pip does for what is not editable
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "bringing the Python packages (requirements/dev.txt, hash-checked)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/seatrial # as pip does for what is not editable
	@touch $@ $(VENV)/.demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 4; }
	@command -v go >/dev/null || { echo "Go is needed on PATH: https://go.dev/dl/"; exit 4; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is needed: apt-get install python3-venv"; exit 4; }
