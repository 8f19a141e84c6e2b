# OrthoUI: everything a newcomer needs is `make run`; everything a contributor needs is `make test` and `make lint`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: run test test-fast lint clean help FORCE

VENV := .venv
PYTHON := $(VENV)/bin/python
RUN_STAMP := $(VENV)/.installed-run
TEST_STAMP := $(VENV)/.installed-test
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
RUN_ARGS ?=
PYTEST_ARGS ?=
TEST_PROCESSES ?= 2

# The tests of one file stay together: they share servers, browsers and trained networks. tests/conftest.py orders files.
PYTEST = $(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A stamp holds the folder it was made in. In a moved checkout, or when the interpreter behind .venv is gone,
# it says nothing any more, and the installation is done again.
usable = $(shell $(PYTHON) -c "import pip" 2>/dev/null && test "$$(cat $(1) 2>/dev/null)" = "$$(pwd -P)" && echo yes)
stale = $(if $(call usable,$(1)),,FORCE)

# Makes .venv unless one is there whose Python is new enough and whose pip works.
define make_venv
if ! $(PYTHON) -c "import sys, pip; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then \
	found=""; \
	for name in $(CANDIDATES); do \
		if $$name -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "OrthoUI needs Python 3.11 or newer; none of these is on your PATH: $(CANDIDATES)." >&2; \
		echo "Install one (for example from your system's packages) and run make again." >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$found ($$($$found --version))"; \
	if ! $$found -m venv --clear $(VENV); then \
		echo "Python could not make $(VENV). On Debian and Ubuntu, install the package python3-venv (or the one of" >&2; \
		echo "your version, such as python3.12-venv), then run make again." >&2; \
		exit 1; \
	fi; \
fi
endef

# pip writes a package's RECORD last: without one, the package was interrupted half-way and pip would take it as
# complete. Forgetting it makes pip install it again.
define forget_interrupted
find $(VENV)/lib -type d -name "*.dist-info" -prune ! -exec test -f "{}/RECORD" \; -exec rm -rf "{}" +
endef

run: $(RUN_STAMP)  ## start the dashboard on http://localhost:8501 (RUN_ARGS="--port 8600" for another port)
	@$(VENV)/bin/orthoui run $(RUN_ARGS)

test: $(TEST_STAMP)  ## run every test, in a real browser and PostgreSQL too (PYTEST_ARGS="-k words", TEST_PROCESSES=4; 0 to debug)
	@$(PYTHON) -m tests.browser.chromium
	@$(PYTHON) -m tests.postgres
	$(PYTEST) $(PYTEST_ARGS)

test-fast: $(TEST_STAMP)  ## run every test that needs no browser and no database server
	$(PYTEST) -m "not browser and not postgres" $(PYTEST_ARGS)

lint: $(TEST_STAMP)  ## check style (ruff) and types (strict mypy)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

clean:  ## remove .venv and every cache; your models and results stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -type d \( -name __pycache__ -o -name "*.egg-info" \) -prune -exec rm -rf {} +

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

# Stamps are written after success only, so an interrupted installation is taken up again by the next make.
$(RUN_STAMP): pyproject.toml $(call stale,$(RUN_STAMP))
	@$(make_venv)
	@$(forget_interrupted)
	$(PYTHON) -m pip install --editable .
	@pwd -P > $@

$(TEST_STAMP): pyproject.toml $(call stale,$(TEST_STAMP))
	@$(make_venv)
	@$(forget_interrupted)
	$(PYTHON) -m pip install --editable ".[test]"
	@pwd -P > $(RUN_STAMP)
	@pwd -P > $@
