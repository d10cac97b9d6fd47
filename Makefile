# GoneQuiet: `make demo` shows it, `make test` proves it, `make run` starts the service on config/gonequiet.yaml.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# A file of tests stays in one process, with the servers that it shares.
SIDE_BY_SIDE := -n auto --dist loadfile

.PHONY: demo run test test-long check format install servers bench bench-gaps lock image clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: install ## watch January 2021 happen: nothing to configure
	@$(BIN)/gonequiet demo

run: install ## the service, on config/gonequiet.yaml
	@$(BIN)/gonequiet run --config config/gonequiet.yaml

install: $(VENV)/.installed ## set up .venv from the lock file

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "GoneQuiet needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another with: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test: install servers ## all tests, with real servers from the distribution's packages, on all cores
	$(BIN)/pytest $(SIDE_BY_SIDE)

test-long: install servers ## the same with many more rounds of the random tests
	GONEQUIET_LONG=1 $(BIN)/pytest $(SIDE_BY_SIDE) --timeout 3600

servers: ## the servers that the tests talk to (installed only as root on Debian or Ubuntu)
	@tests/servers/install.sh

check: install ## format, lint, strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## time what matters, as ratios against a baseline of the same run
	$(BIN)/python -m tests.bench

bench-gaps: install ## how early and how rarely falsely stops are told, into docs/benchmarks.md (DATA=dir adds real event times, QUICK=1 takes fewer lists)
	$(BIN)/python -m tests.bench.gaps $(if $(DATA),--data $(DATA)) $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED))

lock: ## make the lock files anew (names, versions and hashes only)
	$(BIN)/python -m pip install --quiet uv
	$(UV) pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --extra demo pyproject.toml -o requirements.lock
	$(UV) pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --extra demo --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	printf 'hatchling>=1.27\n' | $(UV) pip compile - --generate-hashes --universal --python-version 3.11 --no-header --no-annotate -c requirements-dev.lock -o requirements-build.lock

image: ## the container image, with docker, podman or buildah
	@if command -v docker >/dev/null; then docker build -t gonequiet .; \
	elif command -v podman >/dev/null; then podman build --format docker -t gonequiet .; \
	elif command -v buildah >/dev/null; then buildah build --format docker --isolation chroot -t gonequiet .; \
	else echo "make image needs docker, podman or buildah (Debian: apt-get install buildah)"; exit 1; fi

clean: ## remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
