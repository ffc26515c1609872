# Everything here sets itself up: a Python environment in .venv, and nothing outside the tree.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
INPUTS ?= 20000
STAMP  := $(VENV)/.ready

.PHONY: demo test lint types conformance fuzz bench tables golden kernel clean

demo: $(STAMP)
	@$(BIN)/asmrewrite demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 tests

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

conformance: $(VENV)/.fuzz
	@$(BIN)/python -m conformance

# A million listings: INPUTS=1000000 make fuzz
fuzz: $(VENV)/.fuzz
	@$(BIN)/python -m conformance fuzz --inputs $(INPUTS)

bench: $(STAMP)
	@$(BIN)/python -m bench

# Builds the Linux kernel with us and boots it; VARIANTS="plain static record relpoline" for all of it, SMALL=1 for half.
kernel: $(STAMP)
	@ASMREWRITE_KERNEL_SMALL=$(SMALL) $(BIN)/python -m conformance.kernel $(VARIANTS)

# What is made from other files of the tree, and checked by the tests.
tables: $(STAMP)
	@$(BIN)/python -m asmrewrite.syntax.compile

golden: $(STAMP)
	@$(BIN)/python -m tests.regenerate

$(STAMP): pyproject.toml tools/setup
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/setup
	@touch $@

$(VENV)/.fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@touch $@

clean:
	rm -rf $(VENV) .venv-* build dist *.egg-info asmrewrite/_shim
