# Everything runs from .venv, which is made on first use. Needs Python 3.11 or newer and make, nothing else.
PYTHON ?= $(firstword $(foreach python,python3 python3.13 python3.12 python3.11,$(shell $(python) -c 'import sys; sys.version_info >= (3, 11) and print("$(python)")' 2>/dev/null)) python3)
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test test-cluster bench lint format

demo: $(INSTALLED)  ## the whole procedure on an embedded cluster
	@$(BIN)/kdebug demo

test: lint  ## everything that needs no cluster
	@$(BIN)/pytest -n 2 -m "not cluster"

test-cluster: $(INSTALLED)  ## the tests that need the cluster named by KDEBUG_TEST_KUBECONFIG
	@$(BIN)/pytest -n 2 --dist loadfile -m cluster

bench: $(INSTALLED)  ## against kubectl debug, in pairs; the last result is in docs/reference/benchmarks.md
	@$(BIN)/python -m tests.bench.first_prompt $(BENCH)

lint: $(INSTALLED)  ## lint, types, layers
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("kdebug needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
