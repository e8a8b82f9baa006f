# The project's commands. `make help` lists them. PYTHON names the interpreter (3.11 or newer) that the environment is made from.
PYTHON ?= python3
BIN := .venv/bin
HARNESS := $(BIN)/harness

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-latest bench bench-standard report recommend test check lint types lock asv self backend tap agreement watching imports cassettes system-deps picture clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: .venv/.ready ## install what measuring needs, from the hash-pinned lock
setup-dev: .venv/.ready-dev ## install what testing needs, too

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "this project needs Python 3.11 or newer, got %d.%d; call make with PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv .venv

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

setup-latest: .venv-latest/.ready ## install the newest openai and litellm beside the pinned ones, for arms with @latest

.venv-latest/.ready: requirements-latest.lock
	$(PYTHON) -m venv .venv-latest
	.venv-latest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-latest.lock
	@touch $@

bench: setup ## measure, build the page, export the config (a few minutes)
	@$(HARNESS) bench

bench-standard: setup ## the same with enough blocks to cite (under an hour)
	@$(HARNESS) bench --plan standard

report: setup ## rebuild the page from the dataset
	@$(HARNESS) report

recommend: setup ## print the recommended settings
	@$(HARNESS) recommend

self: setup ## the instrument against known truth (minutes; hours with QUICK=)
	@$(HARNESS) self $(QUICK)
QUICK = --quick

test: setup-dev ## prove the instrument: what computes beside what waits for real processes
	@mkdir -p .pytest_cache
	@$(BIN)/python -m pytest -q -m "not real and not browser" > .pytest_cache/computing.log 2>&1 & computing=$$!; \
	$(BIN)/python -m pytest -q -m "real or browser"; waiting=$$?; \
	wait $$computing; computed=$$?; cat .pytest_cache/computing.log; \
	exit $$((waiting > computed ? waiting : computed))

check: lint types test ## format, lint, types and tests

lint: setup-dev ## ruff: format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup-dev ## mypy, strict, tests included
	$(BIN)/mypy

lock: ## pin the dependencies again (needs uv)
	uv lock
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --quiet --extra proxy pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --quiet --extra proxy --extra dev pyproject.toml -o requirements-dev.lock
	printf 'certifi\n' | uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --quiet --override - requirements-latest.in -o requirements-latest.lock

asv: setup-dev ## run the asv suites once and publish them into reports/asv
	@$(BIN)/asv --config benchmarks/asv.conf.json machine --yes > /dev/null
	$(BIN)/asv --config benchmarks/asv.conf.json run --quick --environment existing:same --set-commit-hash "$$(git rev-parse HEAD)"
	$(BIN)/asv --config benchmarks/asv.conf.json publish

backend: setup ## the backend beside nginx, and its pacing (needs nginx and wrk)
	$(BIN)/python benchmarks/backend.py --json

tap: setup ## the tap beside the provider it stands before: added time, stamps, delivery, requests per second (nginx, wrk)
	$(BIN)/python -m benchmarks.tap --keep results

agreement: setup ## overhead through the tap beside overhead against cassettes (minutes)
	$(BIN)/python -m benchmarks.agreement --keep results

watching: setup ## what harness.guard and harness.collect add to a call (a quarter of an hour)
	$(HARNESS) run watching
	$(BIN)/python -m benchmarks.watching results --keep results

imports: setup ## how fast 10 million calls are imported, beside DuckDB and pandas
	$(BIN)/python benchmarks/imports.py

cassettes: setup ## write the authored cassettes again from benchmarks/authored.toml
	$(BIN)/python -m harness.replay.author --figures benchmarks/authored.toml --workloads benchmarks/workloads --out benchmarks/cassettes

system-deps: ## install what tests need from elsewhere (Debian: Chromium, nginx, PostgreSQL; npm: axe-core; needs root)
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends chromium-headless-shell nginx-light postgresql
	npm ci --silent --no-audit --no-fund

picture: setup-dev ## take the README's picture of the latest page (needs system-deps)
	$(BIN)/python -m tests.browser.picture reports/latest/index.html reports/first-screen.png

clean: ## remove the environment and caches; results and reports stay
	rm -rf .venv .venv-latest .mypy_cache .ruff_cache .pytest_cache .hypothesis node_modules
