# Kade: every task of the project by name. `make` or `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-long check bench crash setup frontend programs clean

# Tools want a home to keep their caches in; an empty, missing or read-only one must not stop them.
ifneq ($(shell [ -n "$$HOME" ] && mkdir -p "$$HOME" 2>/dev/null && [ -w "$$HOME" ] && echo yes),yes)
export HOME := $(CURDIR)/build/home
endif

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --junit-xml=build/junit.xml

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' $(MAKEFILE_LIST)

demo: setup frontend ## show Kade exchanging real files; FILE=path uses your own, KEEP=1 leaves it running
	@$(BIN)/kade demo $(if $(FILE),--file "$(FILE)") $(if $(KEEP),--keep)

test: programs ## run every test with small sizes (under 15 minutes); ARGS=… goes to pytest
	@$(if $(ARGS),$(PYTEST) $(ARGS),$(BIN)/python -m tools.test_all)

test-long: programs ## run every test with the sizes and counts that the issues name (30 minutes at most)
	@KADE_TEST_SIZES=full $(PYTEST) $(ARGS)

check: setup ## lint, types, import contracts, shape budget, documentation
	@$(BIN)/python -m tools.check

bench: programs ## measure Kade and its peers side by side; JSON and a table; ARGS=… goes to bench
	@$(BIN)/python -m bench $(ARGS)

crash: programs ## kill the server at random points; N=rounds
	@$(if $(N),KADE_CRASH_ROUNDS=$(N)) KADE_TEST_SIZES=full $(PYTEST) tests/crash $(ARGS)

setup: ## make .venv what requirements.lock says; PYTHON=python3.12 chooses the interpreter
	@PYTHON="$(PYTHON)" tools/setup

frontend: setup # build the pages' style and scripts, when a source changed
	@$(BIN)/python -m tools.frontend

programs: setup frontend # what tests and benchmarks run besides Python: Debian packages (as root) and npm packages
	@tools/programs

clean: ## remove everything that was built or installed here
	rm -rf .venv build dist tests/interop/node/node_modules src/kade/portal/static \
		src/kade/portal/frontend/node_modules .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache .coverage
