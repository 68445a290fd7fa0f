# Two commands for a newcomer: `make demo` and `make test`. Everything lives in .venv; PYTHON=… picks
# the interpreter that makes it, else .ci/python looks for one.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test soak mutations bench ratios lint clean

VENV := .venv
# Tests at a time: each process has servers of its own.
JOBS := auto
BIN := $(VENV)/bin
# Debian keeps nginx, apache2, logrotate and cron where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
# The demo needs the first, the tests all of them; .ci/servers installs what is missing if it may.
GATEWAY := prometheus-pushgateway
SERVERS := $(GATEWAY) prometheus nginx-light apache2 logrotate cron strace mawk

help: ## show this list
	@awk -F ' ## ' '/^[a-z]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed ## push sample logs, rotate, append, push again: the counters before and after
	@[ -n "$${BATCHLOG_GATEWAY:-}" ] || .ci/servers $(GATEWAY)
	@$(BIN)/python demo/run.py

test: $(VENV)/.installed-test ## run all tests; TESTS="-k name" or a path narrows them down
	@.ci/servers $(SERVERS)
	$(BIN)/python -m pytest -n $(JOBS) $(TESTS)

SECONDS ?= 600
soak: $(VENV)/.installed-test ## rotate real servers' logs for SECONDS=600, kill, compare; SEED=… plays one again
	@.ci/servers $(SERVERS)
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

mutations: $(VENV)/.installed-test ## break the protocol on purpose, rule by rule: a test must fail for each
	@$(BIN)/python tests/mutations.py

LINES ?= 2000000
bench: $(VENV)/.installed-test ## measure batchlog and its peers side by side; LINES=100000 for less
	@.ci/servers mawk gawk mtail goaccess pigz isal
	@$(BIN)/python -m benchmarks --lines $(LINES)

ratios: $(VENV)/.installed-test ## the same on small logs: half of each figure must be reached
	@.ci/servers mawk gawk mtail goaccess pigz isal
	$(BIN)/python -m pytest -m ratios tests/benchmarks/test_ratios.py

lint: $(VENV)/.installed-test ## ruff, ruff format and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict demo/generate.py demo/run.py hatch_build.py

clean: ## remove .venv, caches and whatever demo and tests left
	rm -rf $(VENV) .bench .demo .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	rm -f batchlog/scan/lines.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what .venv holds; they are made anew when the requirements change. An environment
# that is there but whose interpreter has gone is replaced.
$(VENV)/.installed: pyproject.toml hatch_build.py batchlog/scan/lines.c
	@$(BIN)/python -c '' 2>/dev/null || { python=$$(.ci/python $(PYTHON)); "$$python" -m venv --clear $(VENV); }
	@echo "installing batchlog into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed
	@echo "installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
