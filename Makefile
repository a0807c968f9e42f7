# `make demo` and `make test` need Python 3.11+ and make, and no other command before them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := demo

.PHONY: demo test lint types format docs lock clean help

help:  ## This list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# One stamp file: a second run starts at once, and a change of the lock installs again.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "pocketrec needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar off -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## MovieLens 100K, the whole way: prepare, train, export, evaluate, recommend.
	$(BIN)/pocketrec prepare examples/movielens-100k.toml --out $(DEMO)/data $(if $(ML100K),--set data.path=$(ML100K))
	$(BIN)/pocketrec train examples/movielens-100k.toml --data $(DEMO)/data --out $(DEMO)/run --resume
	$(BIN)/pocketrec export $(DEMO)/run --out $(DEMO)/bundle
	$(BIN)/pocketrec evaluate $(DEMO)/bundle --data $(DEMO)/data
	$(BIN)/pocketrec recommend $(DEMO)/bundle --history "Toy Story (1995)" "Aladdin (1992)" "Lion King, The (1994)"

test: lint types $(READY)  ## Lint, format check, types, tests.
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)  ## Mend what ruff can mend.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## Write docs/config.md from the code.
	$(BIN)/python docs/config_reference.py

lock:  ## Write requirements.lock anew, from a fresh environment with train and dev.
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet torch==2.13.0
	$(VENV)-lock/bin/python -m pip install --quiet '.[train,dev]' setuptools
	{ sed -n '/^#/p' requirements.lock; $(VENV)-lock/bin/python -m pip list --format=freeze \
	  | grep -v -e '^pocketrec' -e '^pip=' | sed 's/+cpu$$//'; } > requirements.lock.new
	mv requirements.lock.new requirements.lock && rm -rf $(VENV)-lock

clean:  ## Remove what demo and test made.
	rm -rf $(DEMO) $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
