# What one does here. Nothing of the machine is assumed but Python 3.11 or newer, make and a package index.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
SERVICE ?= cloudendure
bin := .venv/bin
npm := $(bin)/python -m infra.node
compile := $(bin)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help setup test chromium demo bench synth deploy lock schemas clean

help: ## what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 17

setup: .venv/editable ## everything the others need: .venv from the hash lock, the command `cutover`, what runs in Lambda
	@$(bin)/python -m infra.bundle

test: setup chromium ## style, types and every test
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/pytest -n 3 --dist loadgroup

# The tests that look at pages use the machine's browser; where there is none and this may, Debian's is installed.
# Where that fails all other tests are still of use, and those of pages fail with the command that helps.
chromium:
	@command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null || \
	  { [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; } || \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; } || true

demo: setup ## live a plan's calendar on this machine, test and cutover; no account needed; or SERVICE=mgn
	$(bin)/cutover rehearse plans/demo.yaml --calendar --on $(SERVICE)

bench: setup ## what a wave costs as it grows, in counts and ratios
	PYTHONPATH=functions $(bin)/python -m bench.wave_size

synth: setup ## the CloudFormation template, in build/cdk.out
	$(bin)/python -m infra.synth

deploy: setup node_modules/.package-lock.json ## into the AWS account of the environment's credentials; ARGS="-c stack=Name"
	$(npm) exec -- cdk deploy $(ARGS)

lock: setup ## both lock files from requirements.in and functions/requirements.in
	$(compile) functions/requirements.in -o functions/requirements.txt
	$(compile) requirements.in -o requirements.txt

schemas: setup ## docs/schemas from the models
	$(bin)/python -m cli.plan.schema

clean: ## what was built, not .venv
	rm -rf build cdk.out out node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Set PYTHON=/path/to/another." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/pyvenv.cfg
	$(bin)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/editable: pyproject.toml .venv/installed
	$(bin)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json .venv/installed
	$(npm) ci
	@touch $@
