# Everything here runs in .venv/ of this checkout; the first target that needs it makes it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLDEST := 3.11
SOURCES := connector tests examples benchmarks tools
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

.PHONY: help demo run test lint format lock image bench soak clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-18s %s\n", $$1 (($$1 == "run") ? " CONFIG=FILE" : ""), $$2}' Makefile

demo: $(READY) ## Show the connector at work, without a broker or an account
	@$(BIN)/connector demo

run: $(READY) ## Run the service with your configuration
	@test -n "$(CONFIG)" || { echo 'make run: name the configuration, for instance: make run CONFIG=connector.yaml' >&2; exit 2; }
	@exec $(BIN)/connector run --config "$(CONFIG)"

test: $(READY) ## Check the code and run all tests but the long ones
	@tools/check.sh test

lint: $(READY) ## Check style, types and layers
	@tools/check.sh lint

format: $(READY) ## Put the code into its one form
	@$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: $(READY) ## Measure: the main table, beside a plain consumer
	@$(BIN)/python -m benchmarks

soak: $(READY) ## Run the whole fault suite, and the other tests that take long (a quarter of an hour)
	@$(BIN)/pytest -m "soak or faults" --timeout 0

# A lock names versions and hashes, no index: whoever installs has their own.
lock: $(READY) ## Lock the newest versions of all dependencies
	@for of in '' '--extra dev'; do \
		$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version $(OLDEST) --upgrade $$of \
			--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' \
			--output-file "requirements$${of:+-dev}.lock" || exit 1; \
	done

# Arguments without a value are taken from the environment, and left at the Dockerfile's where it has none.
image: ## Build the container image, tagged with the version and `latest`
	@version=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) && \
	docker build --tag "connector:$$version" --tag connector:latest --build-arg "VERSION=$$version" \
		--build-arg "REVISION=$$(git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)" \
		--build-arg PYTHON_IMAGE --build-arg PIP_INDEX_URL .

clean: ## Remove what was made here, .venv/ and the broker's class path included
	@rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.lock pyproject.toml
	@tools/bootstrap.sh "$(PYTHON)"
	@touch $@
