# Every command sets up what it needs: a virtual environment from requirements.lock, the compiled
# extensions, the web client and, for the tests, the browsers. `make help` lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
# A Node of our own (from a wheel) stands first in the path when the system's is missing or too old.
export PATH := $(CURDIR)/$(STAMPS)/node/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PACKAGES := auth chat companion loadtest rtc sfu signalling
CYTHON_SOURCES := $(foreach package,$(PACKAGES),$(wildcard $(package)/*.pyx $(package)/*.pxd))
WEB_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)

SECONDS ?= 60
ENGINE ?= mutation
STORE ?= valkey
SEED ?= 1
ARGS ?=
PYTEST_ARGS ?=
# Tests run in so many processes, a file in one of them; what they start (servers, browsers) is theirs alone.
PROCESSES ?= 2

.PHONY: help run test lint format bench chat-faults fuzz web clean lock asan-test docs build

help:  ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: build web  ## start the whole service on this machine (ARGS="--help" shows the options)
	@$(BIN)/alltid-oppet serve $(ARGS)

test: build web | $(STAMPS)/browsers $(STAMPS)/services  ## every test, with real browsers (PYTEST_ARGS="-k stun" for some)
	@cd web && npm run --silent test
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile $(PYTEST_ARGS)

lint: build $(STAMPS)/web-packages  ## style, types and the compiled part's hints; all of them must be silent
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python .ci/cython_hints.py
	@cd web && npm run --silent lint

format:  $(STAMPS)/venv ## write the layout that lint asks for
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

bench: build  ## what packets, logins, messages and bookings cost, beside bare loops (ARGS="--help" shows the options)
	@$(BIN)/python -m loadtest.bench $(ARGS)

chat-faults: build | $(STAMPS)/services  ## kill, cut and stall a chat service for SECONDS=60 (STORE=redis, SEED=1), then judge
	@$(BIN)/python -m tests.chat.fault_run --seconds $(SECONDS) --store $(STORE) --seed $(SEED) $(ARGS)

fuzz: build  ## fuzz for SECONDS=60 (TARGET=name for one target, ENGINE=atheris for coverage guidance)
	@$(BIN)/python -m tests.fuzz.harness --seconds $(SECONDS) --engine $(ENGINE) $(if $(TARGET),--target $(TARGET))

asan-test: $(STAMPS)/venv  ## the compiled part's tests under AddressSanitizer and UBSan, in build/asan
	@.ci/asan_test $(PYTEST_ARGS)

docs: build  ## write the generated documents and the client's protocol types anew
	@$(BIN)/python -m signalling.documents
	@$(BIN)/python -m companion.documents

web: $(STAMPS)/web  ## build the web client into web/dist

build: $(STAMPS)/build  ## build the compiled extensions in place

lock:  ## resolve requirements.lock anew from pyproject.toml
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev --upgrade --output-file requirements.lock pyproject.toml

clean:  ## remove everything that was built
	@rm -rf build $(STAMPS) $(VENV) web/node_modules web/dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@rm -f $(foreach package,$(PACKAGES),$(package)/*.so) $(patsubst %.pyx,%.c,$(filter %.pyx,$(CYTHON_SOURCES)))
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/tools: .ci/system_packages
	@mkdir -p $(STAMPS)
	@.ci/system_packages build
	@touch $@

$(STAMPS)/node/ready: .ci/node .ci/node.lock $(STAMPS)/venv
	@.ci/node $(BIN)/pip $(STAMPS)/node

$(STAMPS)/browsers: .ci/system_packages $(STAMPS)/tools
	@.ci/system_packages browsers
	@touch $@

$(STAMPS)/services: .ci/system_packages $(STAMPS)/tools
	@.ci/system_packages services
	@touch $@

$(STAMPS)/venv: requirements.lock $(STAMPS)/tools
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@touch $@

$(STAMPS)/build: $(STAMPS)/venv setup.py pyproject.toml $(CYTHON_SOURCES)
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/web-packages: web/package-lock.json $(STAMPS)/node/ready
	@cd web && npm ci --no-audit --no-fund --silent
	@touch $@

$(STAMPS)/web: $(STAMPS)/web-packages $(WEB_SOURCES)
	@cd web && npm run --silent build
	@touch $@
