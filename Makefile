# Entry point. Every target sets up what it needs in .venv, from hashed lock files.
PYTHON ?= python3
BIN := .venv/bin
TEST ?=
SEEDS ?= 1
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: try help test deep lint bench chaos canaries pictures audit sbom lock clean

try: .venv/runtime  ## a page with a local Slack and a living fine-tuning API, and the real bot in between
	$(BIN)/ftjob try

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: .venv/dev  ## every test; TEST=tests/jobs narrows it
ifeq ($(TEST),)
	$(BIN)/pytest -q -n 4 --dist worksteal --ignore=tests/simulation --ignore=tests/races
	$(BIN)/pytest -q -n 2 --dist worksteal tests/simulation tests/races
else
	$(BIN)/pytest $(TEST)
endif

deep: .venv/dev  ## what takes too long for each change: dice rolled all the way, the longest tests; half an hour
	FTJOB_DEEP=1 $(BIN)/pytest -q -n 2 -m deep tests --ignore=tests/simulation --ignore=tests/races
	FTJOB_DEEP=1 $(BIN)/pytest -q -n 2 tests/test_hostile_strings.py tests/listeners/test_http_mutations.py \
		tests/jobs/test_models_random.py tests/blocks/test_hostile_text.py
	FTJOB_DEEP=1 $(BIN)/pytest -q tests/simulation tests/races

lint: .venv/dev  ## ruff, mypy --strict, the layer contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/dev  ## the figures of docs/performance.md, both sides measured in one run
	$(BIN)/python -m tests.bench

chaos: .venv/dev  ## bots are killed while both stand-ins misbehave; SEEDS=20 for more rounds
	$(BIN)/python -m tests.chaos $(SEEDS)

pictures: .venv/dev  ## docs/try.png, the cards and the curves of docs, from what is shown today; needs Chromium
	$(BIN)/python -m tests.screenshots

audit: .venv/dev  ## known vulnerabilities of what requirements.lock names; asks an advisory database
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict

canaries: .venv/dev  ## every story with each library at DEBUG: no secret is seen anywhere
	CANARIES_AT_DEBUG=1 $(BIN)/pytest -q -n 2 tests/stories

sbom: .venv/dev  ## sbom.json: what requirements.lock names, in CycloneDX
	$(BIN)/cyclonedx-py requirements requirements.lock --output-file sbom.json

lock: .venv/dev  ## rewrite the lock files from pyproject.toml: what runs, what builds the checkout, what develops it, the clients
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) .ci/build.in --constraint requirements.lock -o .ci/build.lock
	$(COMPILE) pyproject.toml .ci/build.in --group dev --constraint requirements.lock --constraint .ci/build.lock \
		-o requirements-dev.lock
	$(COMPILE) --group clients --overrides requirements-dev.lock -o requirements-clients.lock

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.lock .ci/build.lock pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock -r .ci/build.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# The clients run on our versions of what both need, whatever they ask for themselves (of rich, filelock and certifi).
.venv/dev: .venv/bin/python requirements-dev.lock requirements-clients.lock pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements-clients.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@ .venv/runtime

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
