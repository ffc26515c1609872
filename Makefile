# Everything here sets itself up: a Python environment in .venv, and nothing outside the tree.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.PHONY: demo test lint types conformance bench tables golden clean

demo: $(STAMP)
	@$(BIN)/asmrewrite demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 tests

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

conformance: $(STAMP)
	@$(BIN)/python -m conformance

bench: $(STAMP)
	@$(BIN)/python -m bench

# What is made from other files of the tree, and checked by the tests.
tables: $(STAMP)
	@$(BIN)/python -m asmrewrite.syntax.compile

golden: $(STAMP)
	@$(BIN)/python -m tests.regenerate

$(STAMP): pyproject.toml tools/setup
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/setup
	@touch $@

clean:
	rm -rf $(VENV) .venv-* build dist *.egg-info asmrewrite/_shim
