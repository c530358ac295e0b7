# Inferscope's commands. `make` alone lists them.
#
# What cargo builds is kept outside the clone, in ~/.cache/inferscope/target, and seen as ./target: a
# second clone, or a clone made anew, does not build the libraries again. CARGO_TARGET_DIR overrides it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(HOME)/.cache/inferscope
TARGET := $(or $(CARGO_TARGET_DIR),target)
WEB_SOURCES := $(shell find web/src web/public web/index.html web/*.ts web/*.json -type f 2>/dev/null)

# The whole workspace is named so that every command asks for the same features of the libraries: with
# `-p` cargo would build the large ones once more.
BUILD_BINARY := cargo build --locked --workspace --bin inferscope

.PHONY: help build demo test bench fmt cache

help: ## Show this list
	@echo "Inferscope: see every call to your models."
	@echo
	@grep -hE '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

build: cache web/dist/index.html ## Build the release binary: target/release/inferscope
	@echo "==> cargo build --release (the first time about 50 minutes on 2 cores)"
	cargo build --release --locked --workspace --bin inferscope
	@echo "==> done: $(TARGET)/release/inferscope"

demo: cache web/dist/index.html ## Start everything with simulated replicas and traffic; Ctrl-C ends it
	@echo "==> cargo build (the first time about 24 minutes on 2 cores; later seconds)"
	$(BUILD_BINARY)
	@echo "==> starting the demo"
	@exec $(TARGET)/debug/inferscope demo

test: cache ## Set up what tests need, then run them all
	@tests/run.sh

bench: cache ## Measure this build beside its peers and print the ratios
	@bench/run.sh

fmt: ## Format Rust
	cargo fmt --all

# The folder behind ./target, kept below 20 GB.
cache:
	@if [ -z "$${CARGO_TARGET_DIR:-}" ] && [ ! -e target ]; then \
		mkdir -p "$(CACHE)/target" && ln -sfn "$(CACHE)/target" target; fi
	@.ci/prune-cache "$(TARGET)"

web/node_modules/.package-lock.json: web/package-lock.json
	@echo "==> npm ci in web/ (about a minute)"
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@echo "==> npm run build in web/ (seconds)"
	cd web && npm run build
	@touch $@
