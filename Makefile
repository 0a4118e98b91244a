# Two commands: `make demo` does the main job on synthetic people, `make test` proves it. Both fetch DuckDB once.
# Everything uses cargo's release profile, so that the second command builds little.

SHELL := /bin/bash
CARGO ?= cargo
DEMO_DIR ?= demo-room

.PHONY: help setup build demo test lint bench

help:
	@echo 'make demo   fetch DuckDB, build, run the whole job on 20,000 synthetic people in ./$(DEMO_DIR)'
	@echo 'make test   every test'
	@echo 'make lint   rustfmt and clippy, warnings denied'
	@echo 'make bench  measurements beside peers (see benches/README.md)'

setup:
	@./scripts/setup

build: setup
	$(CARGO) build --release --locked --workspace

# A folder that an earlier demo made (it says so itself) is replaced; anything else is left alone and refused.
demo: build
	@if [ -f '$(DEMO_DIR)/MADE-BY-SUDARE-DEMO' ]; then rm -rf '$(DEMO_DIR)'; fi
	@"$${CARGO_TARGET_DIR:-target}/release/sudare" demo '$(DEMO_DIR)'

test: setup
	$(CARGO) test --release --locked --workspace

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

bench: setup
	$(CARGO) bench --profile release --locked -p sudare-benches
