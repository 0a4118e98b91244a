# Two commands: `make demo` does the main job on synthetic people, `make test` proves it. Both fetch DuckDB once.
# Everything uses cargo's release profile, so that the second command builds little.

SHELL := /bin/bash
CARGO ?= cargo
DEMO_DIR ?= demo-room

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= eligibility roster daily claims_payer claims_provider checkup_xml checkup_csv fhir apple fitbit mapped consent opt_out archive

.PHONY: help setup build demo test prove lint bench bench-linkage bench-privacy fuzz fuzz-corpus

help:
	@echo 'make demo   fetch DuckDB, build, run the whole job on 20,000 synthetic people in ./$(DEMO_DIR)'
	@echo 'make test   every test'
	@echo 'make prove  the long proofs of the privacy engine: 200,000 neighbouring triples, sampled mechanisms, faults that must be caught'
	@echo 'make lint   rustfmt and clippy, warnings denied'
	@echo 'make bench  measurements beside peers (see benches/README.md)'
	@echo 'make bench-linkage   precision, recall, peers (Splink, FEBRL) and scale of the linkage'
	@echo 'make bench-privacy   error at equal (epsilon, delta) beside SmartNoise SQL, OpenDP on Polars and PipelineDP'
	@echo 'make fuzz   every reader for FUZZ_SECONDS ($(FUZZ_SECONDS)) under libFuzzer; needs nightly Rust and cargo-fuzz'

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

# SUDARE_PROVE_SEED repeats a run; the seed is printed first.
prove: setup
	$(CARGO) test --release --locked --workspace --lib -- prove_ --ignored --nocapture
	@./scripts/mutants

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

bench: setup
	$(CARGO) bench --profile release --locked --workspace --bench ratios

# Peers come from PyPI into environments of their own; SUDARE_BENCH_LARGE=1000000 adds Splink at that size.
bench-linkage: setup
	@./benches/peers/setup
	SUDARE_BENCH_ONLY=linkage $(CARGO) bench --profile release --locked --workspace --bench ratios
	$(CARGO) test --release --locked --workspace --test scale -- --ignored --nocapture

# Both sides answer the same questions of the same invented people, SUDARE_PRIVACY_REPETITIONS times (400); PRIVACY_DIR keeps what they said.
PRIVACY_DIR ?= $${TMPDIR:-/tmp}/sudare-privacy
bench-privacy: export SUDARE_PRIVACY_REPETITIONS ?= 400
bench-privacy: setup
	@./benches/peers/setup
	@./benches/peers/privacy "$(PRIVACY_DIR)" data
	SUDARE_PRIVACY="$(PRIVACY_DIR)" $(CARGO) test --release --locked --workspace --lib -- peers_error --ignored --nocapture
	@./benches/peers/privacy "$(PRIVACY_DIR)" peers
	@./benches/peers/privacy "$(PRIVACY_DIR)" table

# Seeds of the fuzzer, from synthetic people; nothing of them is in git. `cargo test` does a minute of each reader without nightly.
fuzz-corpus: setup
	cd datasets/fuzz && $(CARGO) run --release --bin corpus

# No address sanitizer: there is no unsafe code of ours to watch, and with it polars takes an hour to build.
fuzz: fuzz-corpus
	@command -v cargo-fuzz >/dev/null || { echo 'make fuzz needs cargo-fuzz (cargo install cargo-fuzz) and a nightly toolchain' >&2; exit 1; }
	@# cargo-fuzz replaces the flags that give programs their rpath.
	@export LD_LIBRARY_PATH="$$(sed -n 's/.*DUCKDB_LIB_DIR *= *"\(.*\)".*/\1/p' .cargo/config.toml)"; \
	cd datasets && for target in $(FUZZ_TARGETS); do \
		$(CARGO) +nightly fuzz run --sanitizer none --features libfuzzer "$$target" -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 || exit 1; \
	done
