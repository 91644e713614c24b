# Everything that people and the build machine run. `make` alone lists the targets.

ifndef PYTHON
PYTHON := $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq
RUST := $(shell find codecs sfu/plane bench/load -name '*.rs' -o -name Cargo.toml) \
	Cargo.toml Cargo.lock
PACKAGING := setup.cfg pyproject.toml
LANES_OF_TWO := --no-print-directory --jobs=2 LANES=2
SECOND_TRY := 150
SIDE_BY_SIDE := --dist=loadfile --no-loadscope-reorder
# On a machine that starts from nothing, tests and extensions share what both are made of (see .ci/run).
# Elsewhere tests have the profile that cargo has for them, which is quick to build again after a change.
ifdef FROM_NOTHING
export CARGO_INCREMENTAL := 0
export CARGO_PROFILE_RELEASE_LTO := off
export TEST_PROFILE := --release --config tests/checked.toml
endif
# Without make's word of its lanes, which rustdoc would complain that it cannot join.
TEST_RUST := MAKEFLAGS= MFLAGS= cargo test $(TEST_PROFILE) --workspace --no-default-features --quiet
CALLS := tests/calls
DEPLOY := tests/deploy
RUSTSEC := https://github.com/rustsec/advisory-db
VIEW := build/view
# Tools that look at sources alone do not wait for the extensions to be built anew.
TOOLS := $(VENV)/depends
# For what is in no hurry beside tests that are: it gets the time that nobody else wants.
IDLY := $(if $(shell command -v chrt),chrt --idle 0,nice -n 19)

# All runs of the compiler share their results: one folder, one Python to bind to.
export CARGO_TARGET_DIR := $(CURDIR)/target
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
# Tests start hundreds of processes: none should have to compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE
# Where rustup puts cargo, for shells that were open before.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
ifndef LANES
.NOTPARALLEL:
endif
.PHONY: help run install test lint lint-idly types annotations stub rust-tests collected test-rust test-python \
	test-calls calls calls-alone test-deploy format sample wheel audit client-types toolchain programs clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
		while IFS="$$(printf '\t')" read -r target text; do printf '  make %-12s %s\n' "$$target" "$$text"; done

run: install ## set up what is needed, then run the server for a developer on this machine
	@exec $(BIN)/sfu serve --dev

install: toolchain $(VENV)/installed ## set up .venv with the server in it, the extensions in release mode

# Two at a time, which fills two cores: pip waits for the network, a compiler for its last crate, a call for
# a clock. What is named first begins first, so the order counts: mypy goes beside the extensions, whose
# build cannot be split, and lint beside the calls. The calls that are judged by their pictures come last,
# alone.
test: toolchain $(if $(FROM_NOTHING),,programs) ## all checks and all tests
	@$(MAKE) $(LANES_OF_TWO) --output-sync=line rust-tests programs $(VENV)/depends $(CALLS)/node_modules \
		$(VENV)/tested annotations collected stub test-rust
	@$(MAKE) --no-print-directory --jobs=1 test-python
	@$(MAKE) $(LANES_OF_TWO) calls lint-idly
	@$(MAKE) --no-print-directory --jobs=1 calls-alone

lint: toolchain $(TOOLS) ## style of Python and Rust
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	cargo fmt --all --check
	cargo clippy $(TEST_PROFILE) --workspace --all-targets --quiet -- -D warnings

lint-idly:
	@$(IDLY) $(MAKE) --no-print-directory lint

types: toolchain annotations stub ## types of Python, and that the stub is what the plane has

# mypy looks from a folder without our codecs/ in it, which it would take for the standard library's.
annotations: $(TOOLS) $(VIEW)
	cd $(VIEW) && ../../$(BIN)/mypy --config-file ../../setup.cfg -p sfu -p tests

# The stub stands for itself: nothing that it imports is read, and so not all of the package above it.
stub: $(VENV)/tested $(VIEW)
	@printf '[mypy]\nstrict = True\nfollow_imports = skip\n' > $(VIEW)/stub.cfg
	cd $(VIEW) && ../../$(BIN)/stubtest --mypy-config-file stub.cfg sfu._plane

$(VIEW):
	@mkdir -p $(VIEW)
	@ln -sfn ../../sfu $(VIEW)/sfu
	@ln -sfn ../../tests $(VIEW)/tests

# Without the Python binding, so that the test programs need no libpython. Two runs of cargo wait for each
# other, so that the extensions go first where both are wanted.
test-rust: toolchain $(if $(LANES),$(VENV)/tested) ## tests of the Rust crates
	$(TEST_RUST)

rust-tests:
	$(TEST_RUST) --no-run

# pytest writes each test anew, with what its assertions compare: once, before several processes want it.
collected: $(VENV)/tested
	@mkdir -p build
	@$(BIN)/python -m pytest --collect-only -qq > build/collected || { cat build/collected; exit 1; }

# Side by side, one file on one process, long ones first: much of them is waiting for daemons and clocks.
# A test that fails among others is told of, and then decides by itself, without them: media in real time
# does not come in time on a machine that is too busy. Only failures are tried again: 1 is pytest's word for
# those. What passes then is listed at the end. That has an end, too: what takes longer is no accident.
define side_by_side
@rm -f .pytest_cache/v/cache/lastfailed
$(BIN)/python -m pytest $(1) --numprocesses=$(2) --max-worker-restart=50 $(SIDE_BY_SIDE) || { \
	[ $$? = 1 ] || exit 1; \
	echo "What failed, once more, by itself:"; \
	timeout --signal=INT --kill-after=10 $(SECOND_TRY) \
		$(BIN)/python -m pytest $(1) -rap --last-failed --last-failed-no-failures=none; }
endef

test-python: toolchain programs $(VENV)/tested ## tests of the Python packages and of the built extensions
	$(call side_by_side,--ignore=$(CALLS),3)

test-calls: calls calls-alone ## whole calls with real browsers

calls: toolchain programs $(VENV)/tested $(CALLS)/node_modules
	$(call side_by_side,$(CALLS) -m 'not alone',3)

calls-alone: toolchain programs $(VENV)/tested $(CALLS)/node_modules
	$(BIN)/python -m pytest $(CALLS) -m alone

# Of `test-python`, alone.
test-deploy: toolchain programs $(VENV)/tested ## the files under deploy/, with a real Prometheus
	$(BIN)/python -m pytest $(DEPLOY)

# Not part of `test`: it asks databases elsewhere, and what they know changes by the day. What
# cannot be asked is not taken for clean.
audit: toolchain $(VENV)/installed ## known holes in what this depends on, by RustSec, PyPI and npm
	@failed=; \
	rm -rf build/rustsec && mkdir -p build; \
	{ git clone -q --depth 1 $(RUSTSEC) build/rustsec && $(BIN)/python tests/rustsec.py build/rustsec; } \
		|| failed="$$failed Rust"; \
	{ $(BIN)/python -m venv build/pip-audit && \
		build/pip-audit/bin/python -m pip --disable-pip-version-check install -qq pip-audit && \
		$(BIN)/python -m pip freeze --exclude-editable > build/requirements.txt && \
		build/pip-audit/bin/pip-audit --strict --no-deps --disable-pip -r build/requirements.txt; } \
		|| failed="$$failed Python"; \
	{ cd $(CALLS) && npm audit --package-lock-only; } || failed="$$failed npm"; \
	if [ -n "$$failed" ]; then echo "audit: holes, or not asked:$$failed" >&2; exit 1; fi

format: toolchain $(TOOLS) ## put all sources into the style that lint wants
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cargo fmt --all

wheel: toolchain $(VENV)/created ## what is installed elsewhere: dist/open_sfu-….whl
	$(BIN)/python -m pip --disable-pip-version-check wheel -q --no-deps --no-build-isolation \
		--wheel-dir dist .

sample: $(VENV)/installed ## write sfu.toml from the settings models
	$(BIN)/python -m sfu.config.sample > sfu.toml.new
	@mv sfu.toml.new sfu.toml

client-types: $(CALLS)/node_modules ## write the declarations of the browser client from its JSDoc
	rm -rf signaling/static/types
	$(CALLS)/node_modules/.bin/tsc -p $(CALLS)/tsconfig.types.json

clean: ## remove what was built
	rm -rf $(VENV) build dist target $(CALLS)/node_modules *.egg-info sfu/*.so bench/*.so

# What has to be there before anything starts; everything that is missing is named at once.
toolchain:
	@missing=0; \
	need() { echo "$$1 is missing. $$2" >&2; missing=1; }; \
	if [ -z "$(PYTHON)" ]; then \
		need "Python 3.11 or newer" "Debian: apt-get install python3 python3-venv. Or: make PYTHON=/path/to/python3"; \
	elif ! "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null; then \
		need "The venv module of $(PYTHON)" "Debian: apt-get install python3-venv"; \
	fi; \
	command -v cc >/dev/null || need "A C compiler (cc)" "Debian: apt-get install gcc libc6-dev"; \
	if ! command -v cargo >/dev/null; then \
		need "The Rust toolchain (cargo)" "Get it by rustup, see https://rustup.rs"; \
	elif ! cargo --version | awk -v least="$(LEAST_RUST)" '{ split($$2, is, "."); split(least, want, "."); \
		exit !(is[1] > want[1] || (is[1] == want[1] && is[2] >= want[2])) }'; then \
		need "Rust $(LEAST_RUST) or newer" "Found: $$(cargo --version). Update: rustup update stable"; \
	fi; \
	exit $$missing

LEAST_RUST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# What the tests need besides: two browsers, Node.js to drive the second, a Redis, a TURN server, curl,
# networks of their own, PHP, in which some recipes are written, and what a deployment is looked at by:
# Prometheus (promtool comes with it) and systemd's tools, which need no systemd that runs.
programs:
	@missing=; \
	for program in chromium firefox-esr node npm redis-server turnserver curl ip php prometheus \
		systemd-analyze; do \
		command -v $$program >/dev/null || missing="$$missing $$program"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	packages=$$(echo "$$missing" | sed 's/\bnode\b/nodejs/; s/\bturnserver\b/coturn/; s/\bip\b/iproute2/; s/\bphp\b/php-cli/; s/\bsystemd-analyze\b/systemd/'); \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing$$packages"; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$packages; \
	else \
		echo "The tests need$$missing. Debian: sudo apt-get install --no-install-recommends$$packages" >&2; \
		exit 1; \
	fi

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip "setuptools>=77" "setuptools-rust>=1.12"
	@touch $@

# Editable, so that changed Python counts at once; changed Rust is built anew here.
$(VENV)/installed: $(VENV)/created $(PACKAGING) $(RUST)
	@echo "Building the packet plane and installing into $(VENV) (minutes the first time) …"
	$(PIP) --no-build-isolation --editable .
	@touch $@

# What others have made, for the server and for the tests: mypy and ruff need no extension.
$(VENV)/depends: $(VENV)/created setup.cfg
	@$(BIN)/python -c "$(REQUIREMENTS)" > $(VENV)/requirements
	$(PIP) --requirement $(VENV)/requirements
	@touch $@

REQUIREMENTS := from configparser import ConfigParser; setup = ConfigParser(); setup.read('setup.cfg'); \
	print(setup['options']['install_requires'], setup['options.extras_require']['test'])

$(VENV)/tested: $(VENV)/depends $(PACKAGING) $(RUST)
	@echo "Building the packet plane and installing into $(VENV) (minutes the first time) …"
	$(PIP) --no-build-isolation --no-deps --editable .
	@touch $(VENV)/installed $@

$(CALLS)/node_modules: $(wildcard $(CALLS)/package.json $(CALLS)/package-lock.json) $(if $(LANES),| programs)
	cd $(CALLS) && npm $$([ -f package-lock.json ] && echo ci || echo install --no-save) \
		--no-audit --no-fund --loglevel=error
	@touch $@
