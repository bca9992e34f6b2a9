# Everything a checkout needs, from a Debian machine with Python 3.11+, a Rust toolchain and git.
# Each target sets up what it uses, and does nothing where nothing changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
WHEELS := target/wheels
DEPS_STAMP := $(VENV)/.deps-stamp
BUILD_STAMP := $(VENV)/.build-stamp
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml -o -name '*.sql')
PYTHON_SOURCES := pyproject.toml $(shell find src -name '*.py' -o -name '*.pyi' -o -name py.typed)

# The interpreter of the environment: the first that is new enough.
find_python = for each in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$each"; exit; fi; done; \
	echo "no Python 3.11 or later found: install python3 (Debian 12 or later), or say make PYTHON=/path/to/python" >&2; exit 1

.PHONY: help
help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: $(BUILD_STAMP)  ## Set up .venv with the locked packages and a release build of fastcond

$(VENV)/bin/python:
	@python=$$($(find_python)); \
	if "$$python" -c 'import ensurepip' 2>/dev/null; then "$$python" -m venv $(VENV); \
	elif "$$python" -m virtualenv --version >/dev/null 2>&1; then "$$python" -m virtualenv -q $(VENV); \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing python3-venv"; apt-get update -qq; apt-get install -y -qq python3-venv >/dev/null; "$$python" -m venv $(VENV); \
	elif "$$python" -m pip --version >/dev/null 2>&1; then \
	  "$$python" -m pip install -q --user --break-system-packages virtualenv; "$$python" -m virtualenv -q $(VENV); \
	else echo "cannot make a virtual environment: install python3-venv (apt-get install python3-venv)" >&2; exit 1; fi

$(DEPS_STAMP): requirements-dev.lock | $(VENV)/bin/python
	@command -v cargo >/dev/null || { echo "cargo not found: install a Rust toolchain (https://rustup.rs)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # pip leaves it out under PYTHONDONTWRITEBYTECODE
	@touch $@

$(BUILD_STAMP): $(DEPS_STAMP) $(RUST_SOURCES) $(PYTHON_SOURCES)
	@rm -rf $(WHEELS)
	$(BIN)/maturin build --quiet --release --locked --compatibility linux --interpreter $(BIN)/python --out $(WHEELS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(WHEELS)/fastcond-*.whl
	@touch $@

.PHONY: demo
demo: build  ## Run 200 orders through a server and real workers (KEEP=1 leaves the server running)
	$(BIN)/python examples/order/demo.py $(if $(KEEP),--keep)

.PHONY: test
test: build test-tools  ## Run all tests: cargo, then pytest
	cargo test --workspace --locked
	$(BIN)/python -m pytest tests

# What some tests use beside the packages; they are skipped, with the reason printed, where it cannot be had.
TEST_TOOLS := strace curl valgrind
.PHONY: test-tools
test-tools:
	@missing=$$(for each in $(TEST_TOOLS); do command -v $$each >/dev/null || echo $$each; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing for the tests:" $$missing; \
	  { apt-get update -qq && apt-get install -y -qq $$missing >/dev/null; } || echo "not installed, their tests are skipped:" $$missing; \
	else echo "missing, and we are not root, so their tests are skipped:" $$missing; fi

.PHONY: sdk-test
sdk-test: build  ## Run the published SDKs of five languages against a live server (Node.js 20, JDK 21, Maven, Go 1.22; what is missing is named)
	$(BIN)/python -m tests.sdk

SECONDS_MAX ?= 120
.PHONY: fuzz-http
fuzz-http: build  ## Send requests made from the OpenAPI document for SECONDS_MAX seconds from SEED on; none may meet a fault
	$(BIN)/python -m tests.http.fuzz --seconds $(SECONDS_MAX) --seed $(SEED)

.PHONY: lint
lint: $(DEPS_STAMP)  ## Check style, types and licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/python -m pytest -q tests/tidy

.PHONY: format
format: $(DEPS_STAMP)  ## Rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .
	cargo fmt --all

KILLS ?= 500
SEED ?= 1
.PHONY: kill-test
kill-test: build  ## Kill the server KILLS times under load and look for anything lost or doubled
	$(BIN)/python -m tests.durability.kill --kills $(KILLS) --seed $(SEED)

WIDTH ?= 100000
.PHONY: limits-test
limits-test: build  ## Run forks and loops of WIDTH, endless ones and the like beside a small workflow whose p99 may double
	$(BIN)/python -m tests.limits --width $(WIDTH)

CASES ?= 5000
DRAW ?= plain
TASKS ?= 4
COMMANDS ?= 6
.PHONY: model-test
model-test: build  ## Compare the core with the oracle on CASES random workflows from SEED on
	$(BIN)/python -m tests.oracle.run --seed $(SEED) --count $(CASES) --failures 20 --draw $(DRAW)

.PHONY: model-exhaustive
model-exhaustive: build  ## Compare the core with the oracle on every definition of up to TASKS tasks, every command on every state (hours)
	nice -n 15 $(BIN)/python -m tests.oracle.exhaustive --tasks $(TASKS) --commands $(COMMANDS)

RANDOM_CASES ?= 500
.PHONY: differential
differential: build  ## Compare with the real Conductor: every transcript, RANDOM_CASES random definitions from SEED on (Java 21 and the jar or mvn; half an hour)
	nice -n 15 $(BIN)/python -m tests.differential --random $(RANDOM_CASES) --seed $(SEED) --report docs/differential.md

.PHONY: bench
bench: build  ## Measure against the null durable server; results go to bench_results/
	cargo build --release --locked -p fastcond-bench
	$(BIN)/python -m benchmarks.first_day $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.plots
	$(BIN)/python -m benchmarks.summary

.PHONY: bench-floors
bench-floors: build  ## Hold every throughput target against its floor (about half an hour)
	$(BIN)/python -m benchmarks.floors
	$(BIN)/python -m benchmarks.plots
	$(BIN)/python -m benchmarks.summary

.PHONY: limits
limits: build  ## Measure null server, echo of the HTTP layer and fdatasync beside fastcond
	$(BIN)/python -m benchmarks.limits

.PHONY: asv
asv: build  ## Keep this commit's figures and publish the history as HTML in target/asv/ (QUICK=1 keeps nothing)
	$(BIN)/python -m benchmarks.asv_run $(if $(QUICK),--quick)

.PHONY: bench-peers
bench-peers: build  ## Measure peers beside fastcond (Java 21 and the jar or mvn, redis-server, PostgreSQL, Node.js 20; what is missing is named)
	$(BIN)/python -m benchmarks.peers.run
	$(BIN)/python -m benchmarks.summary

.PHONY: gates
gates: build test-tools  ## Refuse a change that costs more: instructions, allocations, crossings, syncs, bytes, share of the null server
	@if command -v valgrind >/dev/null; then $(BIN)/python -m benchmarks.gates; \
	else echo "valgrind is missing: instructions are not counted"; fi
	$(BIN)/python -m benchmarks.first_day --quick --require-floors

.PHONY: lock
lock: $(DEPS_STAMP)  ## Renew the Python lock files from pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-package fastcond --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-package fastcond --extra dev --constraint requirements.lock --custom-compile-command "make lock" \
	  pyproject.toml --output-file requirements-dev.lock

.PHONY: clean
clean:  ## Remove the environment and everything built
	rm -rf $(VENV) target dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
