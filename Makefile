# Two commands do everything, each on its own: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
SERVICES := nats-server redis-server rabbitmq-server postgresql

.PHONY: demo test check bench slow services format lint types floors docs core openfl tff verify-outside clean

demo: $(READY)  ## find planted poison in real SMS messages and real digits
	$(BIN)/foretaste demo

test: $(DEV)  ## the everyday suite, with the examples in docstrings, README and docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

slow: $(DEV)  ## the long tests
	$(BIN)/python -m pytest -q -m slow

services:  ## the servers that long tests start for themselves, from Debian; needs root
	dpkg -s $(SERVICES) >/dev/null 2>&1 || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SERVICES); }

check: test format lint types floors docs  ## all that must hold before a change goes in

format: $(DEV)
	$(BIN)/ruff format --check .

lint: $(DEV)
	$(BIN)/ruff check .

types: $(DEV)
	$(BIN)/mypy

floors: $(DEV)  ## imports go down only
	$(BIN)/lint-imports

docs: $(DEV)  ## the page of detectors is what the detectors say
	$(BIN)/python docs/pages.py --check

bench: $(DEV)  ## long; writes benchmarks/results
	$(BIN)/python benchmarks/run.py

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -U pip
	$(PIP) install -q -c constraints.txt -e '.[images]'
	touch $@

$(DEV): $(READY)
	$(PIP) install -q -c constraints.txt -e '.[all]' --group dev
	touch $@

core: ## the core alone, without any extra, in a venv of its own
	rm -rf build/core && $(PYTHON) -m venv build/core
	build/core/bin/python -m pip install -q -c constraints.txt .
	build/core/bin/python examples/first_scan.py
	build/core/bin/foretaste aggregators >/dev/null

openfl: build/openfl/.ready  ## OpenFL's federations with liars in them, in a venv of its own
	OMP_NUM_THREADS=1 build/openfl/bin/python -m pytest -q -c outside/pytest.ini outside/test_openfl*.py

tff: build/tff/.ready  ## the same with TensorFlow Federated; installs 2.8 GB
	OMP_NUM_THREADS=1 build/tff/bin/python -m pytest -q -c outside/pytest.ini outside/test_tff*.py

verify-outside: $(DEV)  ## a log of ours checked by programs that are not ours; REPORT=FILE keeps the page
	$(BIN)/python -m outside.ledger.run $(if $(REPORT),--report $(REPORT))

build/%/.ready: outside/%.txt
	test -x build/$*/bin/python || $(PYTHON) -m venv build/$*
	build/$*/bin/python -m pip install -q --no-deps -r $<
	build/$*/bin/python -m pip install -q --no-deps -e .
	touch $@

clean:
	rm -rf $(VENV) build dist demo-out
