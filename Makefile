# make run                      the demo gallery on http://127.0.0.1:8000
# make run PICTURES=~/Pictures  your own pictures, with the real CLIP
# make test                     everything that is checked before a change goes in
# make room ROOM=tests/app      the tests of one room
# make times                    what the tests took when they last ran

PYTHON ?= python3
PORT ?= 8000
# TORCH=cpu leaves out the CUDA libraries (about 2.5 GB to download).
TORCH ?= default
# How many tests run at once.
WORKERS ?= auto
# Each worker would compile all tests again where Python is told to keep nothing.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses $(WORKERS)

VENV := .venv
BIN := $(VENV)/bin
# Compiled here, once: where PYTHONDONTWRITEBYTECODE is set, every import of torch would take half a minute.
PIP := $(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode
GALLERY := data/gallery

ifdef PICTURES
MODEL ?= clip
else
MODEL ?= demo
endif
export MODEL PORT

.DEFAULT_GOAL := help
.PHONY: help setup run test room times check check-model gallery node requirements notebooks clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

setup: $(VENV)/installed

$(BIN)/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

$(VENV)/installed: requirements.txt | $(BIN)/uv
	@echo "Installing the packages (about 3 GB with CUDA libraries, some minutes; TORCH=cpu leaves them out) …"
ifeq ($(TORCH),cpu)
	grep -vE '^(nvidia-|triton)' requirements.txt > $(VENV)/requirements-cpu.txt
	$(PIP) --torch-backend cpu -r $(VENV)/requirements-cpu.txt
else
	$(PIP) -r requirements.txt
endif
	@# The project's packages can be imported from any folder, a notebook's too.
	@$(BIN)/python -c 'import pathlib, site; pathlib.Path(site.getsitepackages()[0], "imagesearch.pth").write_text("$(CURDIR)\n")'
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(PIP) -r requirements-dev.txt
	@touch $@

gallery: $(VENV)/installed
	@$(BIN)/python -m demo.gallery $(GALLERY)

ifdef PICTURES
run: $(VENV)/installed
	$(BIN)/python -m ingest $(PICTURES)
	$(BIN)/python -m app.serve
else
run: gallery
	$(BIN)/python -m ingest --metadata demo/openmoji.jsonl $(GALLERY)
	$(BIN)/python -m app.serve
endif

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Without Maven the tests that need Elasticsearch are skipped, but not in CI.
node: $(VENV)/installed-dev
	@$(BIN)/python -m localnode --build-only || [ -z "$$CI" ]

test: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory --jobs check gallery node
	$(PYTEST)

room: $(VENV)/installed-dev gallery node
	$(PYTEST) -m 'not long' $(ROOM)

times: $(VENV)/installed-dev
	@$(BIN)/python -m tests.layers

check-model: $(VENV)/installed-dev gallery
	$(BIN)/python -m benchmarks.model --model clip

requirements: | $(BIN)/uv
	for name in requirements requirements-s3 requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	    --custom-compile-command 'make requirements' $$name.in -o $$name.txt || exit 1; done

notebooks: $(VENV)/installed-dev gallery
	$(BIN)/python -m ingest --model demo --metadata demo/openmoji.jsonl $(GALLERY)
	$(BIN)/jupyter execute --inplace notebooks/*.ipynb

clean:
	rm -rf $(VENV) data .mypy_cache .pytest_cache .ruff_cache test-results
