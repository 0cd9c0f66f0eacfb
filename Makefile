# Everything a person or CI does with this project. `make help` lists it.
# VENV=… uses another virtual environment; CCC_PORT, CCC_DATA_DIR and the other CCC_* settings are passed on.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=

# Nothing but the lock decides what is installed.
export PIP_REQUIRE_VIRTUALENV := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run demo check format test bench soak sabotage lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## Create the virtual environment and install the locked dependencies

$(STAMP): requirements/dev.txt requirements/build.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --upgrade-deps $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: $(STAMP) ## Run everything in one process, with its own PostgreSQL, on http://127.0.0.1:8080
	@exec $(BIN)/ccc-router up

demo: $(STAMP) ## The same with simulated customers, agents and departments
	@exec $(BIN)/ccc-router demo

check: $(STAMP) ## Lint, format, types, floors and house rules; no database
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

format: $(STAMP) ## Rewrite the code as check wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMP) ## Every test but the long ones
	$(BIN)/python -m pytest -m "not soak and not bench" $(PYTEST_ARGS)

bench: $(STAMP) ## Measure; writes bench/results.json
	$(BIN)/python -m bench

soak: $(STAMP) ## Hours of load and kills
	$(BIN)/python -m pytest -m soak --timeout=0 $(PYTEST_ARGS)

sabotage: $(STAMP) ## Break each invariant in a scratch copy and see its test turn red
	$(BIN)/python -m tests.sabotage $(SABOTAGE_ARGS)

lock: $(STAMP) ## Resolve requirements/*.in anew (needs uv)
	for name in run build dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
			requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean: ## Remove what the tools left behind; data stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -exec rm -rf {} +
