# Everything a person or CI does with this project. `make help` lists it.
# VENV=… uses another virtual environment; CCC_PORT, CCC_DATA_DIR and the other CCC_* settings are passed on.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# Stamps: what running needs, and what checking and testing need besides. A later call finds them and starts at once.
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed
PYTEST_ARGS ?=
MINUTES ?= 5
# The order in which mutants are tried; what goes wrong in a soak.
SEED ?= 1
# Processes that test at the same time; JOBS=0 is none besides the first, which a debugger wants.
JOBS ?= 2
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade

# Nothing but the lock decides what is installed.
export PIP_REQUIRE_VIRTUALENV := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run demo check format test bench quality soak takeover long sabotage golden schemas mutants lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(DEV) ## Create the virtual environment and install the locked dependencies

$(RUN): requirements/run.txt requirements/build.txt pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.txt -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(RUN)

$(DEV): $(RUN) requirements/dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $(DEV)

run: $(RUN) ## Run everything in one process, with its own PostgreSQL, on http://127.0.0.1:8080
	@exec $(BIN)/ccc-router up

demo: $(RUN) ## The same with simulated customers, agents and departments
	@exec $(BIN)/ccc-router demo

check: $(DEV) ## Lint, format, types, floors and house rules; no database
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

format: $(DEV) ## Rewrite the code as check wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(DEV) ## Every test but the long ones
	@tests/support/kafka/fetch.sh || true
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not soak and not bench" $(PYTEST_ARGS)

bench: $(DEV) ## Measure; writes bench/results.json
	$(BIN)/python -m bench

quality: $(DEV) ## Play routing policies against each other; writes bench/quality.json
	$(BIN)/python -m quality

soak: SEED = 0
soak: $(DEV) ## Load and kills for MINUTES=5, judged by what the clients were told; SEED=7 replays the faults; writes build/soak.json
	@tests/support/kafka/fetch.sh || true
	@exec $(BIN)/python -m soak --minutes $(MINUTES) --seed $(SEED) $(SOAK_ARGS)

takeover: $(DEV) ## Commands undisturbed, and while the leading engine is killed every 20 s; writes build/takeover.json
	@tests/support/kafka/fetch.sh || true
	@exec $(BIN)/python -m soak.takeover $(SOAK_ARGS)

long: $(DEV) ## The tests marked soak, such as life after life of the state machine on PostgreSQL for MINUTES=5
	CCC_TEST_SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -s -m soak --timeout=0 $(PYTEST_ARGS)

sabotage: $(DEV) ## Break each invariant in a scratch copy and see its test turn red
	$(BIN)/python -m tests.sabotage $(SABOTAGE_ARGS)

golden: $(DEV) ## Record the golden journal of the present core version (docs/adr/0028)
	PYTHONPATH=src $(BIN)/python -m tests.support.record_day tests/fixtures/journal

schemas: $(DEV) ## Write the schemas of what is on the topics anew
	PYTHONPATH=src $(BIN)/python -m tests.support.topic_schemas

mutants: MINUTES = 0
mutants: $(DEV) ## Change routing/ in small places and count what the tests notice; MINUTES=30 SEED=7 samples
	$(BIN)/python -m tests.mutants --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS) $(MUTANTS_ARGS)

lock: $(DEV) ## Resolve requirements/*.in anew (needs uv)
	uv pip compile $(LOCK) requirements/run.in --output-file requirements/run.txt
	uv pip compile $(LOCK) requirements/build.in --output-file requirements/build.txt
	uv pip compile $(LOCK) requirements/dev.in -c requirements/run.txt -c requirements/build.txt \
		--output-file requirements/dev.txt

clean: ## Remove what the tools left behind; data stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -exec rm -rf {} +
