# The only entry point: `make` lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# One build folder for all checkouts: the query engine is compiled once.
CARGO_TARGET_DIR ?= $(HOME)/.cache/capscore/target
export CARGO_TARGET_DIR

CARGO ?= cargo

# Cargo cannot tell two checkouts that share a build folder apart, and would take the other one's
# binaries for fresh: the package is built anew when the folder was last used from elsewhere.
ifneq ($(shell cat $(CARGO_TARGET_DIR)/checkout 2>/dev/null),$(CURDIR))
ifneq ($(wildcard $(CARGO_TARGET_DIR)),)
$(shell CARGO_TARGET_DIR=$(CARGO_TARGET_DIR) $(CARGO) clean --quiet --package capscore && echo $(CURDIR) >$(CARGO_TARGET_DIR)/checkout)
endif
endif

PYTHON ?= python3
CAPSCORE := $(CARGO_TARGET_DIR)/debug/capscore
RELEASED := $(CARGO_TARGET_DIR)/release/capscore
OUT := out
VENV := $(OUT)/venv
STORES := $(OUT)/stores
# How sample_data/deliveries is made; tests/it and sample_data/README.md name the same options.
SAMPLE := --partners 30 --tenants-per-partner 8 --lines-per-tenant 3 --months 38 \
	--last-month 2026-09 --seed 1 --dirty

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Score the sample base into out/ (again: nothing changed) and say what to try next
	@CAPSCORE_PERSON_KEY=sample $(CAPSCORE) run --input sample_data/deliveries \
		--facts $(OUT)/facts --output $(OUT)/tables --as-of 2026-09
	@printf '\nThe tables are in %s. Why has a partner its score? Try:\n  %s\n' '$(OUT)/tables' \
		'$(CAPSCORE) explain --output $(OUT)/tables --partner 1000013'

.PHONY: build
build: ## Build the program for development
	@$(CARGO) build

.PHONY: release
release: ## Build the program for use
	$(CARGO) build --release

.PHONY: test
test: ## Run all tests
	$(CARGO) test

.PHONY: mutate-rules
mutate-rules: ## Change each number and list entry of each rule pack: the tests must notice (takes hours; CAPSCORE_MUTATE_EVERY=25 a sample)
	$(CARGO) test --test it mutate_rules -- --ignored --nocapture

.PHONY: fuzz
fuzz: ## Damage good files at random for a minute (or CAPSCORE_FUZZ_SECONDS): refused or counted
	$(CARGO) test --test it fuzz::fuzz -- --ignored --nocapture

.PHONY: mutate-bytes
mutate-bytes: ## Change ten million bytes of good files (or CAPSCORE_MUTATIONS): nobody else is touched
	$(CARGO) test --test it mutations::mutate_bytes -- --ignored --nocapture

.PHONY: bench
bench: release $(OUT)/bench-venv/installed ## Measure against a bare CSV read, DuckDB and polars (half an hour, 16 GB in out/); writes docs/benchmarks.md
	$(CARGO) bench --bench floor --no-run
	$(OUT)/bench-venv/bin/python benches/bench.py $(OUT)/bench $(RELEASED) \
		$$(ls -t $(CARGO_TARGET_DIR)/release/deps/floor-* | grep -v '\.d$$' | head -1) --write docs/benchmarks.md

.PHONY: bench-check
bench-check: release ## Compare the instructions of a small ingest and score with the stored ones (needs valgrind)
	$(PYTHON) benches/instructions.py $(OUT)/instructions $(RELEASED)

$(OUT)/bench-venv/installed: benches/rivals/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-readers
test-readers: build $(VENV)/installed ## Read the tables with DuckDB, pandas and pyarrow
	$(VENV)/bin/python readers/check.py $(CAPSCORE) sample_data

.PHONY: test-stores
test-stores: $(STORES)/installed ## Test facts and tables in object stores, which it installs and starts
	$(CARGO) test --test it --no-run
	$(PYTHON) stores/check.py $(STORES) $(CARGO) test --test it stores:: -- --ignored --nocapture --test-threads 1

$(STORES)/installed: stores/requirements.txt stores/package.json
	mkdir -p $(STORES)
	$(PYTHON) -m venv --clear $(STORES)/venv
	$(STORES)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	cp stores/package.json $(STORES)/
	npm install --prefix $(STORES) --no-audit --no-fund --loglevel error
	@touch $@

.PHONY: test-delta
test-delta: build $(OUT)/delta/installed ## Read the Delta tables with deltalake, polars, DuckDB and Sail
	$(OUT)/delta/bin/python readers/delta.py $(CAPSCORE) sample_data

.PHONY: test-spark
test-spark: build $(OUT)/spark/installed ## Read the Parquet tables with Spark (half a gigabyte to install; needs Java 17)
	$(OUT)/spark/bin/python readers/delta.py $(CAPSCORE) sample_data --spark

$(OUT)/%/installed: readers/%-requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: check-packaging
check-packaging: build $(STORES)/installed ## Read the examples of packaging/ and compare them with the program
	$(STORES)/venv/bin/python packaging/check.py $(CAPSCORE)

# Made anew only when the requirements change.
$(VENV)/installed: readers/requirements.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: fmt
fmt: ## Check the formatting
	$(CARGO) fmt --check

.PHONY: format
format: ## Format the sources
	$(CARGO) fmt

.PHONY: lint
lint: ## Check the sources with clippy
	$(CARGO) clippy --all-targets -- -D warnings

.PHONY: docs
docs: ## Build the documentation of the library, links checked
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps

.PHONY: deny
deny: ## Check licences and advisories of the dependencies (needs cargo-deny)
	$(CARGO) deny check

.PHONY: sample
sample: build ## Write sample_data/deliveries anew
	rm -rf sample_data/deliveries
	$(CAPSCORE) generate $(SAMPLE) --out sample_data

# Cheap checks first. `docs` reuses what `lint` checked, `test-readers` what `test` built: the query
# engine is checked once and built once.
.PHONY: ci
ci: fmt lint docs test fuzz test-readers test-delta test-stores check-packaging ## Run what CI runs

.PHONY: clean
clean: ## Remove out/ and this program's build, keep its dependencies
	rm -rf $(OUT)
	$(CARGO) clean --package capscore
