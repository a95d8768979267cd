# Two commands are enough: `make dashboard` and `make test`. Both start from a bare clone.
PYTHON ?= python3
PORT ?= 8866
OPEN ?= yes
BITS ?= 64
TIER ?= not slow and not release
LOOK ?= $(shell expr $(BITS) / 16 \* 4)
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/bluemarble-$(BITS)
GALLERY := galleries/bluemarble-$(BITS)
# One process more than cores, four at most: while one waits for a browser, another computes.
PROCESSES := $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
PYTEST := $(BIN)/python -m pytest --numprocesses $(PROCESSES) --durations=20
JS := PATH="$(abspath $(BIN)):$$PATH"
OPEN_FLAG := $(if $(filter no,$(OPEN)),--no-open,--open)

.PHONY: help dashboard gallery site test test-slow test-release coverage check notebooks docs audit lock ablation clean
.DELETE_ON_ERROR:

help:
	@echo "make dashboard   environment, sample, hash, gallery, and the page in the browser"
	@echo "                 (PORT=8866 OPEN=no BITS=64 LOOK=16)"
	@echo "make test        every module, panel and tutorial once, in minutes"
	@echo "make test-slow   tests that take longer: long training runs, long loops, the documentation"
	@echo "make test-release  the longest: tutorials in full, kills, attacks, all states of the page"
	@echo "make coverage    make test, and which lines and branches of rsh/ it reaches"
	@echo "make site        the sample as a folder of static files, for any web host"
	@echo "make check       formatting, lint and types of Python, JavaScript and CSS; layers; words"
	@echo "make notebooks   run every notebook"
	@echo "make docs        the documentation with a demo of the sample, in build/docs"
	@echo "make audit       known weaknesses of the packages in constraints.txt"
	@echo "make lock        constraints.txt, made from pyproject.toml"
	@echo "make ablation    measure what each loss term adds"
	@echo "make clean       remove the environment and everything made from the sample"

dashboard: gallery
	$(BIN)/rsh dashboard $(GALLERY) --port $(PORT) $(OPEN_FLAG)

gallery: $(GALLERY).projected

site: gallery
	$(BIN)/rsh site $(GALLERY) --output build/site

$(GALLERY).projected: $(GALLERY)/gallery.json
	$(BIN)/rsh project $(GALLERY)
	@touch $@

$(GALLERY)/gallery.json: $(RUN)/model.safetensors
	$(BIN)/rsh encode $(RUN) --name "Blue Marble"

# A training that was interrupted goes on where it stopped.
$(RUN)/model.safetensors: | $(VENV)/runtime
	if [ -f $(RUN)/config.json ]; then $(BIN)/rsh train --resume $(RUN); \
	else $(BIN)/rsh train --bits $(BITS) --look-bits $(LOOK) --output $(RUN); fi

# A process that has nothing left takes tests of one that is behind.
test: $(VENV)/dev node_modules/.package-lock.json
	$(PYTEST) --dist worksteal -m "$(TIER)"

test-slow: TIER := slow
test-release: TIER := release
test-slow test-release: test

coverage: $(VENV)/dev
	$(PYTEST) --dist worksteal -m "not slow and not release" --cov --cov-report=term

check: $(VENV)/dev node_modules/.package-lock.json
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/check_words.py
	$(JS) node_modules/.bin/biome ci --error-on-warnings
	$(JS) node_modules/.bin/tsc
	$(JS) npm run --silent vendor
	git diff --exit-code -- rsh/explorer/site/vendor

notebooks: $(VENV)/dev gallery
	$(BIN)/python -m pytest --nbmake notebooks -p no:cacheprovider

docs: $(VENV)/dev site
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs . build/docs
	rm -rf build/docs/demo
	cp -r build/site build/docs/demo
	@echo "build/docs/docs/index.html"

audit: $(VENV)/dev
	$(BIN)/python -m pip install --disable-pip-version-check -q pip-audit
	$(BIN)/pip-audit --strict -r constraints.txt --no-deps --disable-pip

# Newer versions: `make lock` after deleting constraints.txt or the lines to renew.
lock: $(VENV)/runtime
	$(BIN)/python -m pip install --disable-pip-version-check -q uv
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_28 --no-annotate \
	  --custom-compile-command "make lock, on $$(date -u +%F)" -o constraints.txt

ablation: $(VENV)/runtime
	$(BIN)/python -m benchmarks.quality.ablation

$(VENV)/runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"rsh needs Python 3.11 or newer, {sys.executable} is {sys.version.split()[0]}: set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[onnx]"
	@touch $@

$(VENV)/dev: $(VENV)/runtime
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[dev]"
	@touch $@

# Node comes as a wheel, so that Python, make and git are enough. Biome formats and lints JavaScript
# and CSS in one binary, and TypeScript checks the types that JSDoc comments name.
node_modules/.package-lock.json: package.json package-lock.json | $(VENV)/dev
	$(JS) npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

clean:
	rm -rf $(VENV) node_modules runs galleries build .pytest_cache .mypy_cache .ruff_cache
