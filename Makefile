# Commands for a machine that has only python3 (3.11 to 3.13). Each installs what it needs into .venv and nowhere else.
#
#   make demo        de-identifies and reconstructs the bundled clip, prints measurements, writes demo/
#   make test        checks style, formatting and types, and runs all tests; .venv/bin/pytest -m "not slow" runs the short ones
#   make notebooks   builds notebooks/*.ipynb from the .py files
#   make docs        builds the documentation into site/: open site/index.html

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test notebooks docs clean

demo: .venv/installed
	$(BIN)/uunet demo -o demo

test: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

notebooks: .venv/installed-test
	$(BIN)/python -m notebooks.build

docs: .venv/installed-test
	$(BIN)/mkdocs build --strict

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "uunet needs Python 3.11 to 3.13, this is %s: run make PYTHON=/path/to/python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	$(call headless_where_needed)
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(call headless_where_needed)
	touch $@

# opencv-python needs libGL and other display libraries; without them the headless build is the same cv2
define headless_where_needed
	$(BIN)/python -c 'import cv2' 2>/dev/null || ( \
	  $(BIN)/python -m pip uninstall --quiet --yes opencv-python && \
	  $(BIN)/python -m pip install --quiet --force-reinstall --no-deps opencv-python-headless )
endef

clean:
	rm -rf .venv demo site
