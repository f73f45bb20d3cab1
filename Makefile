# make demo   fit a model to trial data and draw a combination scenario (build/demo)
# make test   the test suite
# Each makes the environment it needs, in .venv, from the files of this project.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PROJECT := pyproject.toml setup.cfg
# Fonts are listed once an environment: a list shared with other environments breaks when one of these is moved.
export MPLCONFIGDIR := $(abspath $(VENV))/matplotlib

# Tests run in a process per processor; one that has done its own takes over from the others. WORKERS= runs them in this one.
WORKERS ?= -n logical --maxprocesses 8 --dist worksteal

.PHONY: help demo test slow lint types docs bench figures pages wheel clean

help:
	@echo 'make demo     fit a model to trial data and draw a combination scenario, in build/demo'
	@echo 'make test     the test suite'
	@echo 'make slow     the slow tests: packaging, long runs'
	@echo 'make lint     ruff (rules and format);   make types   mypy'
	@echo 'make docs     the documentation site, in build/docs/html; a warning is an error, and no network is needed'
	@echo 'make bench    the benchmarks;   make figures   the figures of README and docs;   make pages   a page for each model'
	@echo 'make wheel    a wheel for distribution, in dist'
	@echo 'make clean    remove the environment and everything built'

demo: $(VENV)/installed
	$(BIN)/python -m immunoode demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -m slow $(WORKERS) $(ARGS)

lint: $(VENV)/installed-test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(VENV)/installed-test
	$(BIN)/python -m mypy

# Notebooks run once for each state of the package: their outputs are kept in build/notebooks. DOCS=-Dnb_execution_mode=off leaves
# them without outputs.
docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -j auto -b html -d build/docs/doctrees $(DOCS) docs build/docs/html
	$(BIN)/python docs/_extensions/check_links.py build/docs/html
	@echo 'the site is in build/docs/html'

bench: $(VENV)/installed-test
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

pages: $(VENV)/installed
	$(BIN)/python docs/models/make_pages.py

figures: $(VENV)/installed
	$(BIN)/python docs/figures/make_figures.py

# With the intermediate code of the solver's kernels: who installs it waits for them a third of the time.
wheel: $(VENV)/installed-test
	IMMUNOODE_KERNELS=1 $(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist .

# An empty file marks what is installed, so that it is done again only when the project's requirements change.
$(VENV)/installed: $(VENV)/created $(PROJECT)
	@echo 'installing into $(VENV); the first time this takes a minute or two'
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/created $(PROJECT)
	@echo 'installing into $(VENV), with what the tests need; the first time this takes a minute or two'
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@$(BIN)/python -c 'import matplotlib.font_manager'
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: $(VENV)/created $(PROJECT)
	@echo 'installing into $(VENV), with what the documentation needs; the first time this takes a minute or two'
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/installed

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo 'immunoode needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ...'; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	    || { echo 'Python could not make an environment; some systems package this apart (python3-venv)'; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
