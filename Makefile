# `make help` lists what there is. Everything is installed into .venv, nothing outside this folder
# (only `make test-tools` installs system packages, and says which).

VENV    := .venv
BIN     := $(VENV)/bin
PYTHON  ?=
ARGS    ?=
WORKERS ?= 2

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SELF        := $(PIP_INSTALL) --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-test demo test test-tools check check-style check-format check-types \
	check-imports check-architecture format bench simulate stories conformance \
	torture torture-agents lock clean test-agents test-agents-short test-agents-tools \
	test-shims test-shims-tools

help: ## Show this list
	@echo "Allstop: incident command for services and AI agents"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Arguments for a target go into ARGS: make test ARGS='tests/domain -k halt'"
	@echo "Another interpreter (3.11 or newer) goes into PYTHON: make setup PYTHON=python3.12"

# --- setting up: each step leaves a stamp and runs again only when a file it depends on changed ---

setup: $(VENV)/.core ## Set up .venv with what Allstop needs to run

setup-test: $(VENV)/.test ## Set up .venv with what the tests and checks need as well

$(BIN)/python:
	@python=$$(scripts/find-python $(PYTHON)) || exit 1; \
	echo "setup: making $(VENV) with $$($$python --version)"; \
	$$python -m venv --clear $(VENV)

$(VENV)/.core: requirements/core.txt pyproject.toml $(BIN)/python
	@echo "setup: installing what Allstop needs"
	@$(PIP_INSTALL) --require-hashes --requirement requirements/core.txt
	@$(SELF)
	@touch $@
	@echo "setup: done, $$($(BIN)/python -c 'import allstop; print("Allstop", allstop.__version__)') is in $(BIN)"

$(VENV)/.test: requirements/test.txt $(VENV)/.core
	@echo "setup: installing what the tests need"
	@$(PIP_INSTALL) --require-hashes --requirement requirements/test.txt
	@touch $@

# What Allstop is measured beside has an environment of its own: nothing of ours may import it.
.venv-bench/.ready: requirements/bench.txt
	@echo "setup: installing what the benchmarks compare with"
	@python=$$(scripts/find-python $(PYTHON)) || exit 1; $$python -m venv --clear .venv-bench; \
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/bench.txt \
		&& touch $@ || echo "setup: it could not be installed; the trials that need it are skipped"

# The clients of agents that tests start: in a folder of their own, nothing of ours imports them.
AGENTS := .agents

$(AGENTS)/.ready: requirements/agents.txt tests/agents/package.json tests/agents/package-lock.json | $(BIN)/python
	@echo "setup: installing the clients of agents that the tests start (about 1.2 GB)"
	@command -v npm >/dev/null || { echo "setup: npm is missing; install Node 20 or newer with it, then again" >&2; exit 1; }
	@rm -rf $(AGENTS) && mkdir -p $(AGENTS)
	@$(BIN)/python -m venv $(AGENTS)/python
	@cp tests/agents/package.json tests/agents/package-lock.json $(AGENTS)
	@$(AGENTS)/python/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/agents.txt & pip=$$!; \
	(cd $(AGENTS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); npm=$$?; \
	wait $$pip && exit $$npm
	@touch $@

# The frameworks that `allstop.check()` is tried in: nothing of ours imports them, and they do not bear each other.
SHIMS := .venv-shims/.ready .venv-shims-crewai/.ready

.venv-shims/.ready: requirements/shims.txt
.venv-shims-crewai/.ready: requirements/shims-crewai.txt
$(SHIMS):
	@echo "setup: installing $(notdir $<) into $(@D)"
	@python=$$(scripts/find-python $(PYTHON)) || exit 1; $$python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# --- running ---

demo: $(VENV)/.core ## Watch Allstop handle an emergency in a small fleet of real processes
	@$(BIN)/allstop demo $(ARGS)

bench: $(VENV)/.test .venv-bench/.ready ## Measure, with the figures docs/benchmarks.md keeps
	@$(BIN)/python -m benchmarks $(ARGS)

simulate: $(VENV)/.test ## Run thousands of emergencies on a virtual clock with faults injected
	@$(BIN)/python -m tests.simulation $(ARGS)

stories: $(VENV)/.test ## Tell thousands of random stories under every built-in protocol
	@$(BIN)/python -m tests.properties $(ARGS)

conformance: $(VENV)/.test ## Run the conformance suite and keep its table of clauses
	@CONFORMANCE_RECORD=1 $(BIN)/python -m pytest tests/conformance --numprocesses=0 --deselect tests/conformance/test_table.py $(ARGS)
	@$(BIN)/allstop protocol conformance

torture: $(VENV)/.test ## Kill a running Allstop at awkward moments and look at what it kept
	@$(BIN)/python -m tests.torture $(ARGS)

torture-agents: $(VENV)/.test ## Halt agents that lie, escape, flood and forge, and look for any that works on (ARGS="--runs 100")
	@$(BIN)/python -m tests.agents_torture $(ARGS)

# --- checking ---

# Real clients and frameworks, which are large, have targets of their own: test-agents, test-shims.
test: $(VENV)/.test ## Run the tests
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --ignore=tests/agents --ignore=tests/shims/test_frameworks.py $(ARGS)

test-tools: ## Install the system packages the tests use (a browser, servers to try adapters on) with apt-get
	@scripts/install-test-tools

test-agents-tools: $(AGENTS)/.ready ## Install the clients of agents that the tests start (Claude Code, Codex, Gemini, Copilot) into .agents

# One client's tests stay in one worker: a client is slow to start, and two at once are enough.
AGENT_TESTS := $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadgroup

test-agents-short: $(VENV)/.test $(AGENTS)/.ready
	@$(AGENT_TESTS) tests/agents/test_real_clients.py tests/agents/test_matrix.py $(ARGS)

test-agents: $(VENV)/.test $(AGENTS)/.ready ## Try the gate on real clients, then how each client takes a hook that fails (writes docs/agents/matrix.md)
	@$(AGENT_TESTS) tests/agents $(ARGS)
	@$(BIN)/python -m tests.agents.matrix

test-shims-tools: $(SHIMS) ## Install the frameworks for agents that the tests use (about 1.5 GB) into .venv-shims and .venv-shims-crewai

test-shims: $(VENV)/.test $(SHIMS) ## Try allstop.check() in real frameworks: Claude Agent SDK, OpenAI Agents, LangGraph, CrewAI, Agent Framework, ADK
	@$(BIN)/python -m pytest tests/shims --numprocesses=$(WORKERS) --dist=loadgroup $(ARGS)

check: $(VENV)/.test ## Check style, format, types, imports and structure
	@$(MAKE) --no-print-directory --keep-going \
		check-style check-format check-types check-imports check-architecture \
		|| { echo "check: something is not in order; each failure stands above"; exit 1; }
	@echo "check: all in order"

check-style: $(VENV)/.test
	@echo "check: style"
	@$(BIN)/ruff check --quiet .

check-format: $(VENV)/.test
	@echo "check: format"
	@$(BIN)/ruff format --quiet --check . \
		|| { $(BIN)/ruff format --check .; echo "check: 'make format' mends the format"; exit 1; }

check-types: $(VENV)/.test
	@echo "check: types"
	@$(BIN)/mypy --no-error-summary

check-imports: $(VENV)/.test
	@echo "check: imports"
	@$(BIN)/lint-imports --no-logo

check-architecture: $(VENV)/.test
	@echo "check: structure"
	@$(BIN)/python -m pytest --quiet tests/architecture

format: $(VENV)/.test ## Put code into its usual form
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .
	@echo "format: done"

# --- keeping house ---

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(CURDIR)/.venv-lock/bin/uv --no-config pip compile \
	--quiet --universal --python-version 3.11 --generate-hashes $(ARGS)

lock: .venv-lock/.ready ## Write requirements/*.txt from *.in and the lock of tests/agents, keeping pins (ARGS=--upgrade for the newest)
	@cd requirements && for name in core test bench agents shims shims-crewai lock; do \
		echo "lock: $$name"; $(LOCK) $$name.in --output-file $$name.txt || exit 1; \
	done
	@echo "lock: tests/agents"
	@cd tests/agents && npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error

.venv-lock/.ready: requirements/lock.txt
	@python=$$(scripts/find-python $(PYTHON)) || exit 1; $$python -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/lock.txt
	@touch $@

clean: ## Remove .venv and everything tools left behind
	@rm -rf $(VENV) .venv-bench .venv-lock $(dir $(SHIMS)) $(AGENTS) build dist htmlcov .coverage .coverage.* coverage.xml .import_linter_cache \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache .schemathesis
	@find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: done"
