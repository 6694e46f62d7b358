# make setup   .venv with every version pinned          make demo   the labeling app on the built-in corpus
# make test    lint, types, import layers, all tests     make format ruff, in place
PYTHON ?= python3
PIP_FLAGS ?=
PYTEST_FLAGS ?= -n 2 --dist loadfile
BIN := .venv/bin

.PHONY: setup demo test check format docs screenshots clean
setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tyrogue needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make $(MAKECMDGOALS) PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/tyrogue demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_FLAGS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Needs Chromium; a few minutes, most of them for the map. A team that has labeled is only among the tests.
screenshots: setup
	PYTHONPATH=src:tests:tests/page $(BIN)/python benchmarks/screenshots.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build dist

docs: setup
	PYTHONPATH=src $(BIN)/python tests/docs/test_docs.py
	$(BIN)/python benchmarks/tables.py
	PYTHONPATH=src $(BIN)/python benchmarks/results_page.py
