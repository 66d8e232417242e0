# Every target makes .venv when it is missing. On Windows see "Without make" in CONTRIBUTING.md.
PYTHON ?= python3
BIN := .venv/bin
DEMO := .venv/.demo
STAMP := .venv/.installed
CLUSTER := .venv/.cluster
MAKEFLAGS += --jobs=3  # what does not need each other runs side by side
# Where Python may not keep what it has compiled, each of the hundred processes of the tests compiles it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-browser test-cluster screenshots run lint ruff types suite format bench fuzz release clean

demo: $(DEMO)
	$(BIN)/easel demo

screenshots: $(STAMP)
	$(BIN)/python -m tools.screenshots

run: $(DEMO)
	$(BIN)/easel run --config config.toml

test: lint suite

# Three for two processors: a test often waits for a process that it started.
suite: $(STAMP)
	$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder

test-browser: $(STAMP)
	$(BIN)/python -m pytest tests/browser

test-cluster: $(CLUSTER)
	$(BIN)/python -m pytest tests/cluster

lint: ruff types

ruff: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/basedpyright

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

release: $(STAMP)
	$(BIN)/python -m tools.release

fuzz: $(STAMP)
	$(BIN)/python -m tests.inference.lora.fuzz --files 20000

# What runs Easel, without the tools of tests and development. `make demo TORCH=cpu`, or a CUDA version that uv knows such
# as cu130, takes that build of torch. Python compiles what is imported; of what is installed, most never is.
$(DEMO): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Easel needs Python 3.11 or newer, not " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -d .venv || $(PYTHON) -m venv .venv
	$(PYTHON) -m tools.constraints tell
ifdef TORCH
	$(BIN)/pip install --no-compile uv
	$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --torch-backend $(TORCH) torch torchvision
endif
	$(BIN)/pip install --no-compile --constraint constraints.txt --editable .
	touch $(DEMO)

$(STAMP): $(DEMO)
	$(PYTHON) -m tools.constraints tell --dev
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

# After the other tests, where they are wanted too: those pass without Ray.
$(CLUSTER): $(STAMP) | $(filter test suite types test-browser,$(MAKECMDGOALS))
	$(PYTHON) -m tools.constraints tell --cluster
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[cluster]'
	touch $(CLUSTER)

clean:
	rm -rf .venv dist .pytest_cache .ruff_cache demo-output
