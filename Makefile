# make demo | test | fast | campaign | clean
# PYTHON=... names the interpreter, TORCH=... what pip installs as torch (a version, or options and a version).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := demo

PYTHON ?= python3
TORCH ?= torch==2.13.0
CPU_INDEX := https://download.pytorch.org/whl/cpu
BIN := .venv/bin
STAMP := .venv/made-for-$(shell cksum < pyproject.toml | cut -d' ' -f1)
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadfile

.PHONY: demo test fast campaign lint packages set-up clean

demo: set-up
	$(BIN)/edgemed demo -o demo-out

test: set-up packages lint
	$(PYTEST) --durations=10

fast: set-up
	$(BIN)/ruff check edgemed tests
	$(PYTEST) -m 'not slow' -x

campaign: set-up
	$(BIN)/python -m pytest -q -n 2 --timeout=7200 --hypothesis-profile=campaign

lint: set-up
	$(BIN)/ruff check edgemed tests
	$(BIN)/ruff format --check edgemed tests
	$(BIN)/mypy
	$(BIN)/lint-imports

set-up: $(STAMP)

# torch comes first and by itself: pip then has no reason to look for another build of it.
$(STAMP):
	@if [ ! -x $(BIN)/python ]; then \
	  for python in "$(PYTHON)" python3.11 python3.12 python3.13; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	    python=; \
	  done; \
	  if [ -z "$$python" ]; then echo "edgemed needs Python 3.11 or later: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	  "$$python" -m venv .venv; \
	fi
	@echo "setting up .venv (some minutes, once)"
	@$(BIN)/python -m pip install -q --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -q $(TORCH) || { \
	  echo "$(TORCH) cannot be installed from here; a build for CPUs: make TORCH='--index-url $(CPU_INDEX) torch'" >&2; exit 1; }
	@$(BIN)/python -m pip install -q -e '.[all]' --group dev
	@rm -f .venv/made-for-*
	@touch $@

# For the report's test in a browser, for the test that nothing reaches for a network, to check our MRD files, and for
# other processors and another Python.
packages:
	@missing=; \
	command -v chromium chromium-browser google-chrome >/dev/null || missing=chromium; \
	command -v strace >/dev/null || missing="$$missing strace"; \
	command -v ismrmrd_info >/dev/null || missing="$$missing ismrmrd-tools"; \
	command -v mmdebstrap >/dev/null || missing="$$missing mmdebstrap"; \
	command -v qemu-aarch64-static >/dev/null || missing="$$missing qemu-user-static"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; } \
	      || echo "no $$missing: the tests that need them are skipped" >&2; \
	  else \
	    echo "some tests need more: sudo apt-get install $$missing" >&2; \
	  fi; \
	fi

clean:
	rm -rf .venv demo-out edgemed-out suite-out build dist .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find edgemed tests -name __pycache__ -prune -exec rm -rf {} +
