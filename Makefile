# Commands of the project; `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000
DATA ?= .data
KILLS ?= 1000
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --progress-bar off
# Nothing is built from source and nothing unknown is installed, whatever pip's own settings say. The files are whole, so
# pip resolves nothing: older ones take the newest release for `name[extra]==2.*` even where `name` is pinned.
LOCKED := $(PIP) --quiet --require-hashes --no-deps --only-binary :all:
COMPILE = $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help run tools test chaos check bench bench-short format requirements clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  PORT= and DATA= choose the port and the data folder of run; ARGS= goes to pytest."

run: $(VENV)/.run ## start everything on this machine: database, demo data, simulator, API
	@exec $(BIN)/masterlinc up --port $(PORT) --data $(DATA)

tools: $(VENV)/.tools ## install what "agents as tools for AI" needs; tools.enabled = true turns it on

test: $(VENV)/.dev ## run the whole test suite against a real PostgreSQL and a real Valkey
	$(BIN)/pytest $(ARGS)

chaos: $(VENV)/.dev ## kill processes 1,000 times (KILLS=), break PostgreSQL and Redis, race and fuzz, and check every effect; an hour
	CHAOS_KILLS=$(KILLS) $(BIN)/pytest -s tests/system/chaos tests/system/test_kill.py $(ARGS)
	ATTACK_EVERY=1 ATTACK_ROUNDS=20 $(BIN)/pytest -s tests/attacks $(ARGS)
	SYSTEM_TEST_LEASE=6 $(BIN)/pytest -s tests/system/test_takeover.py $(ARGS)

check: $(VENV)/.dev ## check what is installed, style, types, who imports whom, bad calls and secrets
	$(BIN)/python -m pip --disable-pip-version-check check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=.:plugins $(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive masterlinc plugins migrations benchmarks .ci
	$(BIN)/python .ci/secret_scan.py

bench: $(VENV)/.bench ## measure operations, signing in, workflows beside DBOS, events, timers, limits, the audit, batches and what-ifs; print JSON (ARGS= goes to it)
	$(BIN)/python -m benchmarks $(ARGS)

bench-short: $(VENV)/.bench ## a first impression of the same, in about three minutes
	$(BIN)/python -m benchmarks --short $(ARGS)

format: $(VENV)/.dev ## bring the code into the one format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

requirements: $(VENV)/.made ## write down what pyproject.toml asks for, with hashes (ARGS=--upgrade: the newest)
	$(PIP) --quiet uv
	$(COMPILE) pyproject.toml --extra embedded --extra tools --extra vault --extra dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra embedded -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra embedded --extra tools -c requirements/dev.txt -o requirements/tools.txt
	$(COMPILE) requirements/build.in -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) requirements/bench.in -c requirements/dev.txt -o requirements/bench.txt

clean: ## remove the virtual environment and caches; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "MASTERLINC needs Python 3.11 or newer; choose one with: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make virtual environments; on Debian run: apt install python3-venv" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/run.txt requirements/build.txt pyproject.toml
	@echo "installing what MASTERLINC needs, each file checked against its hash (under a minute)"
	@$(LOCKED) -r requirements/run.txt -r requirements/build.txt
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.run requirements/tools.txt
	@echo "installing the MCP SDK"
	@$(LOCKED) -r requirements/tools.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "installing what tests and checks need"
	@$(LOCKED) -r requirements/dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.run requirements/bench.txt
	@echo "installing the load generator and what is measured beside us"
	@$(LOCKED) -r requirements/bench.txt
	@touch $@
