# Every target first makes .venv and is quick when nothing changed.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
ENV := OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help demo test lint type arch tests chaos tools stack format bench docs audit sbom clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20
	@echo
	@echo "Torch is the CUDA build from PyPI (5 GB on disk). To take another one, in a fresh checkout or after make clean:"
	@echo "  make demo TORCH_BACKEND=cpu        the CPU build (also cu128, rocm6.3, auto, ...)"
	@echo "  make demo TORCH_INDEX=https://...  whatever build this package index holds"
	@echo "  make demo PYTHON=python3.12        another Python, 3.11 or newer"

demo: .venv/base ## Simulate a plant and watch a detector find its faults (ARGS="--seconds 30")
	$(BIN)/reconwatch demo --out out/demo $(ARGS)

test: lint type arch tests ## Everything that must pass before a change is taken

lint: .venv/dev .venv/audited ## Style of the code (ruff); known holes in packages are told, where their database answers
	$(BIN)/ruff check
	$(BIN)/ruff format --check

type: .venv/dev ## Types (mypy, strict)
	$(BIN)/mypy

arch: .venv/dev ## Imports point one way (import-linter)
	$(BIN)/lint-imports

tests: .venv/dev ## The test suite, with coverage of the library (ARGS="-k align")
	$(ENV) pytest -n 2 --dist worksteal -m "not chaos" $(or $(ARGS),--cov=detector --cov-report=term:skip-covered --cov-fail-under=90)

chaos: .venv/dev ## Every fault on a real Kafka, half an hour; the table in out/chaos (ARGS="-k coordinator")
	$(ENV) pytest -m "chaos or fault" -W ignore::pytest.PytestUnraisableExceptionWarning $(ARGS)

tools: ## Programs that some tests run beside the daemon: prometheus, alertmanager, kcat, helm, ... (tests skip without)
	.ci/tools

format: .venv/dev ## Put the code into its final form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/dev ## Speed of the hot paths, as ratios against the plain way
	@set -e; for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(ENV) python $$file --quick; done

audit: .venv/dev ## Known holes in the packages that are installed (pip-audit); fails if there are any
	$(BIN)/pip-audit --local --skip-editable --progress-spinner off --timeout 5

sbom: .venv/dev ## Everything that is installed, as a CycloneDX bill of materials in out/sbom.json
	@mkdir -p out
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o out/sbom.json $(BIN)/python

stack: .venv/dev ## The whole deployment on loopback: Kafka, MLflow, Prometheus, Alertmanager, the daemon; an alert followed through
	$(ENV) python -m deploy.stack $(ARGS)

docs: .venv/dev ## The reference of the Python packages, as HTML in out/docs
	PDOC_ALLOW_EXEC=1 $(BIN)/pdoc --docformat google --output-directory out/docs detector pipelines

clean: ## Remove .venv and everything generated
	rm -rf .venv out build dist .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "reconwatch needs Python 3.11 or newer and $(PYTHON) is older: name a newer one, as in make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/base: pyproject.toml | .venv/bin/uv
	$(if $(TORCH_INDEX),$(UV) --index $(TORCH_INDEX) torch)
	$(UV) $(if $(TORCH_BACKEND),--torch-backend $(TORCH_BACKEND)) --editable '.[torch]'
	@touch $@

.venv/dev: .venv/base
	$(UV) $(if $(TORCH_BACKEND),--torch-backend $(TORCH_BACKEND)) --editable '.[train,bakeoff,broker,dev]'
	@touch $@

# Told, not judged: a hole found today in a package must not stop a change that has nothing to do with it.
.venv/audited: .venv/dev
	@mkdir -p out
	@$(BIN)/pip-audit --local --skip-editable --progress-spinner off --timeout 5 > out/audit.txt 2>&1; \
	case "$$(cat out/audit.txt)" in \
	  *"Found "*" known vulnerabilit"*) grep -v "could not be audited" out/audit.txt;; \
	  *"could not be audited"*|*Error*) echo "Known holes in packages: the database does not answer, nothing was checked.";; \
	  *) echo "Known holes in packages: none.";; \
	esac
	@touch $@
