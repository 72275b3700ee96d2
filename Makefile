# Two commands matter: `make app` installs and opens the dashboard, `make test` runs every test.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app install test quick lint clean

# The port can be chosen: make app PORT=8600
PORT ?= 8501

app: install
	$(BIN)/effq studio --port $(PORT)

install: $(VENV)/.installed

# One environment for users and developers: the development tools are small beside TensorFlow.
$(VENV)/.installed: requirements.txt requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests of one file stay together: they share what is dear to make. Most of them wait for processes
# of their own, so two at a time take 60 % of the time, also on two cores.
TESTERS ?= 2

# Tests start hundreds of processes: without compiled modules each would compile them anew.
test quick: export PYTHONDONTWRITEBYTECODE =

test: install lint
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder

# For everyday work: what neither trains, converts nor drives a browser, in under two minutes.
UNITS := advise base charts devices experiment jobs learn measure photos predict results runtimes \
	store tflite

quick: install
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile -m "not shared_run" $(UNITS:%=tests/%)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info
