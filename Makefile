# make demo   sets everything up, compiles a program, moves it from ISA to ISA and back home while it runs
# make test   sets everything up, runs the linters, the type checker and all tests
# make sweep  counts sites of real code at all levels: what is proved, what is not, what went to memory (an hour)
# make fuzz   random programs for SECONDS (600) from SEED (at random) with JOBS (2) at a time
# make simulate   the protocol of common memory, from SEED (0) on for SECONDS (600), and its small models searched whole
# make bench  the figures: each benchmark against its rival in the same run

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

demo: setup
	@$(BIN)/python -m popcc.runtime.popcorn.demo

test: setup
	@sh .ci/packages test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy popcc testsuite benchmarks
	@$(BIN)/python -m pytest -n 2

fuzz: setup
	@sh .ci/packages fuzz
	@PYTHONPATH=testsuite $(BIN)/python -m fuzz --seconds $(or $(SECONDS),600) --jobs $(or $(JOBS),2) $(if $(SEED),--seed $(SEED))

simulate: setup
	@PYTHONPATH=testsuite $(BIN)/python -m dsm --search --large
	@PYTHONPATH=testsuite $(BIN)/python -m dsm --seconds $(or $(SECONDS),600) --first $(or $(SEED),0)

bench: setup
	@for b in benchmarks/bench_*.py; do $(BIN)/python $$b || exit 1; done

sweep: setup
	@$(BIN)/python testsuite/sweep.py

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml .ci/packages
	@sh .ci/packages
	@echo "popcc: making $(VENV) and installing the Python packages (about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: demo test bench sweep fuzz simulate setup clean
