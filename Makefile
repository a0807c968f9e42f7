# `make app`, `make demo` and `make test` need Python 3.11+ and make, and no other command before
# them. The page is built with Node 20; its tests need Debian's chromium-headless-shell as well.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := demo
FACTOR ?= 15
# A process of tests for each core, each with the files that it takes.
SPREAD := --numprocesses auto --maxprocesses 4 --dist loadfile
PAGE   := src/pocketrec/app/static/build.json
NPM    := web/node_modules/.package-lock.json
WEB    := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/test/*')
BROWSER := chromium-headless-shell

.PHONY: app demo check fuzz test page web browser wheel lint types format docs lock clean help

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

app: $(READY) $(PAGE)  ## The page with the pretrained films: builds it where needed, and serves it.
	$(BIN)/pocketrec serve $(BUNDLE)

demo: $(READY)  ## MovieLens 100K, the whole way: prepare, train, export, evaluate, recommend.
	$(BIN)/pocketrec prepare examples/movielens-100k.toml --out $(DEMO)/data $(if $(ML100K),--set data.path=$(ML100K))
	$(BIN)/pocketrec train examples/movielens-100k.toml --data $(DEMO)/data --out $(DEMO)/run --resume
	$(BIN)/pocketrec export $(DEMO)/run --out $(DEMO)/bundle
	$(BIN)/pocketrec evaluate $(DEMO)/bundle --data $(DEMO)/data
	$(BIN)/pocketrec recommend $(DEMO)/bundle --history "Toy Story (1995)" "Aladdin (1992)" "Lion King, The (1994)"

page: $(PAGE)  ## Build the page.

# What `npm ci` writes last, and what the build writes last.
$(NPM): web/package.json web/package-lock.json
	@$(HAS_NODE) || { echo "error: building the page $(NEEDS_NODE)"; exit 2; }
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): $(NPM) $(WEB) LICENSE
	cd web && npm run --silent build

HAS_NODE = node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
NEEDS_NODE = needs Node 20 or newer (and npm), and there is none: https://nodejs.org
# Outside of CI a test run goes on without what is not there, and says so; in CI that is an error.
LEFT_OUT = sh -c 'if [ "$$CI" = true ]; then echo "error: $$0"; exit 2; else echo "LEFT OUT: $$0"; fi'

# Tests that train, convert, start a browser or run for seconds are marked `slow`; see pyproject.toml.
check: lint types $(READY)  ## The quick half of `make test`, under 90 seconds: run it before each commit.
	@if [ -f $(NPM) ]; then cd web && npm run --silent check; \
	else echo "LEFT OUT: the checks of web/, which \`make page\` installs"; fi
	$(BIN)/python -m pytest $(SPREAD) -m "not slow"

test: lint types web browser $(READY)  ## Lint, format check, types, the page's checks, tests.
	$(BIN)/python -m pytest -rs $(SPREAD)

fuzz: $(READY)  ## Bad input, spoiled files and kills, FACTOR (default 15) times as many: an hour or two.
	POCKETREC_FUZZ=$(FACTOR) $(BIN)/python -m pytest -rs $(SPREAD) tests/fuzz tests/hostile tests/interruption

web:
	@if $(HAS_NODE); then $(MAKE) --no-print-directory page && cd web && npm run --silent check && npm test --silent; \
	else $(LEFT_OUT) "the page, its checks and its tests: that $(NEEDS_NODE)"; fi

browser:
	@command -v $(BROWSER) >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && echo "installing $(BROWSER) with apt-get, for the tests of the page" \
	  && { $(APT) || { apt-get -qq update && $(APT); }; } >/dev/null 2>&1; } \
	  || $(LEFT_OUT) "the tests in a browser: $(BROWSER) is not installed (Debian: apt-get install $(BROWSER))"

APT = DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $(BROWSER)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)  ## Fix what ruff and Biome can fix.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@if [ -f $(NPM) ]; then cd web && npm run --silent format; fi

docs: $(READY)  ## Write docs/config.md from the code.
	$(BIN)/python docs/config_reference.py

wheel: $(READY) $(PAGE)  ## The wheel with the page inside, in dist/; its users need no Node.
	rm -rf build  # setuptools would put in what an older page left there
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

lock:  ## Write requirements.lock anew, from a fresh environment with train, scale and dev.
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet torch==2.13.0
	$(VENV)-lock/bin/python -m pip install --quiet '.[train,scale,dev]' setuptools
	{ sed -n '/^#/p' requirements.lock; $(VENV)-lock/bin/python -m pip list --format=freeze \
	  | grep -v -e '^pocketrec' -e '^pip=' | sed 's/+cpu$$//'; } > requirements.lock.new
	mv requirements.lock.new requirements.lock && rm -rf $(VENV)-lock

clean:  ## Remove what app, demo and test made.
	rm -rf $(DEMO) $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache \
	  web/node_modules $(dir $(PAGE))
