# Two commands set the project up: `make demo` and `make test`. Both need only Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench clean

demo: $(VENV)/.demo
	@echo "==> simulating central Helsinki: today and four scenarios"
	$(BIN)/twin demo

test: $(VENV)/.test
	@echo "==> running the tests on two workers"
	$(BIN)/python -m pytest -n 2 --dist loadscope

lint: $(VENV)/.lint
	@echo "==> style, types and import contracts"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/pip install --quiet -e '.[osm,bench]'
	$(BIN)/python benchmarks/run.py --list

clean:
	rm -rf $(VENV) runs

$(BIN)/python:
	@echo "==> making the virtual environment $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "==> installing the packages (a few minutes the first time)"
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[osm]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "==> installing the packages and the test tools (a few minutes the first time)"
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.test | $(BIN)/python
	@echo "==> installing the checkers"
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@
