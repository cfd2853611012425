# Two commands for everybody: `make demo` and `make test`. Both set up all they need in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SET_UP := pyproject.toml setup.py constraints.txt
MOVIEQA := $(BIN)/movieqa
DEMO := demo
ROOMS := preprocess memory train eval

.PHONY: demo test check bench ffmpeg clean

demo: ffmpeg $(VENV)/.base
	@mkdir -p $(DEMO)
	$(MOVIEQA) preprocess tests/assets/signs.mp4 --output $(DEMO)/signs.movieqa
	$(MOVIEQA) ask $(DEMO)/signs.movieqa --question "When is the word book signed?"
	$(MOVIEQA) ask $(DEMO)/signs.movieqa --question "What is signed in the first four seconds?"
	$(MOVIEQA) ask $(DEMO)/signs.movieqa --question "How does the film end?"
	$(MOVIEQA) report $(DEMO)/signs.movieqa

# many tests start processes of their own: none of them should compile the project anew
test: export PYTHONDONTWRITEBYTECODE =
test: ffmpeg $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not bench"

# mypy sees the house as it is installed: the rooms inside the one package.
check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@rm -rf build/house && mkdir -p build/house/movieqa
	@ln -s $(CURDIR)/movieqa/* $(ROOMS:%=$(CURDIR)/%) build/house/movieqa/
	cd build/house && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p movieqa

bench: ffmpeg $(VENV)/.dev
	$(BIN)/python tests/bench/run.py

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "movieqa needs Python 3.11 or newer; say which with: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv module; on Debian: apt install python3-venv"; exit 2; }

$(VENV)/.base: $(SET_UP) | $(VENV)/bin/python
	$(PIP) install -c constraints.txt -e ".[decord]"
	@touch $@

$(VENV)/.dev: $(SET_UP) | $(VENV)/bin/python
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.base

ffmpeg:
	@sh .ci/ffmpeg
