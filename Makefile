# Everything a contributor runs. Needs make and a python3 (3.9 or newer, with venv and pip).

PYTHON ?= python3
BOOT := .venv/boot
UV := $(BOOT)/bin/uv
BIN := .venv/bin
READY := .venv/.ready
VERSION := layers/chatlake/python/chatlake/__init__.py
SAM := .venv/sam/bin/sam
SCANNERS := .venv/scan/bin
SCAN := .venv/scan/.ready
BANDIT := $(SCANNERS)/bandit --quiet --recursive --configfile
# What is deployed, and by fewer rules what is not.
DEPLOYED_CODE := pyproject.toml functions layers/chatlake/python
OTHER_CODE := .bandit.yaml bench local tools
# Where SAM keeps its own notes, so that it neither reports what is done here nor looks for updates.
RUN_SAM := SAM_CLI_TELEMETRY=0 __SAM_CLI_APP_DIR=$(CURDIR)/.venv/sam $(SAM)
ARCHITECTURE ?= $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
SOURCES := $(wildcard layers/chatlake/python local bench functions tests tools)
# What make deploy deploys, and the processor that it is built for: as samconfig.toml says.
ENVIRONMENT ?= dev
DEPLOYED ?= arm64
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
# What takes longer than a second of check, the longest first, side by side on the processors that
# there are; what each says comes as a whole where make can do that.
CHECKS := check-types check-by-sam scan-template check-template scan-secrets scan-code scan-workflow
SIDE_BY_SIDE := --no-print-directory --jobs=$(shell getconf _NPROCESSORS_ONLN || echo 2) \
	$(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
N ?= 10
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.13 --python $(BIN)/python \
	--generate-hashes --custom-compile-command "make lock"

# A machine that names its package mirror to pip only: uv asks the same one.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup format check scan unit test build deploy demo bench worlds trino coverage load chaos docs template lock \
	release releasable clean $(CHECKS)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## install Python 3.13 if missing, the pinned packages and chatlake into .venv

format: $(READY) ## format the code and fix what the linter can fix
	$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

check: $(READY) $(SAM) $(SCAN) ## formatting, lint, types, template, scanners
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(UV) pip check --quiet --python $(BIN)/python
	@$(MAKE) $(SIDE_BY_SIDE) $(CHECKS)

check-types: $(READY)
	$(BIN)/mypy $(SOURCES)

check-template: $(READY)
	$(BIN)/python -m tools.template_parts --check
	$(BIN)/cfn-lint --non-zero-exit-code informational template.yaml

check-by-sam: $(SAM)
	$(RUN_SAM) validate --lint --template template.yaml

scan: $(filter scan-%,$(CHECKS)) ## what is unsafe in template, code and workflow, and secrets; asks nobody

scan-template: $(SCAN)
	$(SCANNERS)/checkov --config-file .checkov.yaml --file template.yaml

scan-code: $(SCAN)
	@# What it says beside its findings is of comments; all of it is shown where there is one.
	$(BANDIT) $(DEPLOYED_CODE) 2> /dev/null || $(BANDIT) $(DEPLOYED_CODE)
	$(BANDIT) $(OTHER_CODE) 2> /dev/null || $(BANDIT) $(OTHER_CODE)

scan-workflow: $(SCAN)
	$(SCANNERS)/zizmor --offline --no-progress --quiet .github/workflows

scan-secrets: $(SCAN)
	@# In a copy: lines that have moved (3) are no new secrets.
	@mkdir -p build && cp .secrets.json build/secrets.json
	$(SCANNERS)/detect-secrets-hook --no-verify --baseline build/secrets.json $$(git ls-files ':!.secrets.json') || [ $$? -eq 3 ]

unit: $(READY) ## the fast tests: no AWS stand-in, no browser (ARGS= goes to pytest)
	$(BIN)/pytest tests/unit $(PARALLEL) $(ARGS)

test: check ## the whole gate: check, then every test but the long ones (ARGS= goes to pytest)
	$(BIN)/pytest $(PARALLEL) $(ARGS)

build: $(SAM) ## functions and layers into .aws-sam/build (ARCHITECTURE=arm64 or x86_64)
	$(RUN_SAM) build --template template.yaml --parameter-overrides Architecture=$(ARCHITECTURE)
	@echo "Deploy it for the same processor: sam deploy --guided --parameter-overrides Architecture=$(ARCHITECTURE)"

deploy: $(READY) $(SAM) ## the stack of ENVIRONMENT (dev or prod) in samconfig.toml, built for arm64
	$(BIN)/python -m tools.deploy_settings $(ENVIRONMENT) $(DEPLOYED)
	$(RUN_SAM) build --template template.yaml --parameter-overrides Architecture=$(DEPLOYED)
	$(RUN_SAM) deploy --config-env $(ENVIRONMENT) $(DEPLOY_OPTIONS)

demo: $(READY) $(SAM) ## 300 chats live and end, and the deployed pipeline archives them, all on this machine
	@echo "Building what sam deploy would deploy (the first time takes a minute)"
	@mkdir -p .aws-sam && $(RUN_SAM) build --template template.yaml \
		--parameter-overrides Architecture=$(ARCHITECTURE) > .aws-sam/build.log 2>&1 \
		|| { cat .aws-sam/build.log; exit 1; }
	@$(BIN)/python -m local.demo

bench: $(READY) build ## imports beside DuckDB, their memory, and cold starts
	$(BIN)/python -m bench

worlds: $(READY) $(SAM) ## the pipeline end to end, other long tests, and properties by more examples (half an hour)
	HYPOTHESIS_PROFILE=ci $(BIN)/pytest -m "(world or hypothesis) and not chaos and not slow and not trino" \
		$(PARALLEL) $(ARGS)

trino: $(READY) $(SAM) ## views and questions on the engine of Athena, which it installs (a minute), beside DuckDB
	@$(BIN)/python -m tools.trino $(UV) > /dev/null
	$(BIN)/pytest tests/trino -m trino $(PARALLEL) $(ARGS)

coverage: $(READY) ## the tests of the gate again, the lines that none of them reaches, and the floor
	$(BIN)/pytest $(PARALLEL) --cov $(ARGS)

load: $(READY) ## the tests of the gate N=10 times beside two busy loops: which fails now and then
	$(BIN)/python -m tools.under_load --runs $(N) -- $(PARALLEL) $(ARGS)

chaos: $(READY) ## the long suite of crashes and restarts
	$(BIN)/pytest -m chaos $(ARGS)

docs: $(READY) ## the pages and parts of pages that are made from schema, commands, template and SQL
	$(BIN)/python -m tools.data_dictionary > docs/data-dictionary.md
	$(BIN)/python -m tools.cli_reference > docs/cli.md
	$(BIN)/python -m tools.cost > docs/cost.md
	$(BIN)/python -m tools.parameters
	$(BIN)/python -m tools.package_tree
	$(BIN)/python -m tools.role_table
	$(BIN)/python -m tools.deploy_role
	$(BIN)/python -m tools.sql_guide

template: $(READY) ## roles, optimizers, alarms and dashboard of template.yaml
	$(BIN)/python -m tools.template_parts

lock: $(UV) | $(BIN)/python ## re-pin requirements/ from pyproject.toml (newest: LOCK=--upgrade)
	@$(COMPILE) $(LOCK) --group bootstrap --output-file requirements/bootstrap.txt > /dev/null
	@$(COMPILE) $(LOCK) pyproject.toml --output-file requirements/runtime.txt > /dev/null
	@$(COMPILE) $(LOCK) --group sam --output-file requirements/sam.txt > /dev/null
	@$(COMPILE) $(LOCK) --group scan --output-file requirements/scan.txt > /dev/null
	@$(COMPILE) $(LOCK) --group trino --output-file requirements/trino.txt > /dev/null
	@$(COMPILE) $(LOCK) pyproject.toml --extra aws --group dev --constraints requirements/runtime.txt \
		--output-file requirements/dev.txt > /dev/null
	@$(COMPILE) --group layer-base --constraints requirements/dev.txt \
		--output-file requirements/layer-base.txt > /dev/null
	@$(COMPILE) --group layer-arrow --constraints requirements/dev.txt \
		--output-file requirements/layer-arrow.txt > /dev/null

release: releasable test ## check that version, changelog and template agree, run the gate, tag; pushes nothing
	@$(BIN)/python -m tools.release

# Before the tests, which take longer.
releasable: $(READY)
	@$(BIN)/python -m tools.release --check

clean: ## remove caches and build outputs (.venv stays)
	rm -rf .aws-sam .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how .venv comes to be ------------------------------------------------------------------------

# The system's python3 may be of any age, so it only installs uv, which makes the real environment.
$(UV): requirements/bootstrap.txt
	@echo "Preparing .venv (the first time takes a minute)"
	@$(PYTHON) -m venv $(BOOT)
	@$(BOOT)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Order-only: the file is a link to an interpreter whose age says nothing.
$(BIN)/python: | $(UV)
	@python=$$(tools/find-python $(UV)) && \
		$(UV) venv --quiet --allow-existing --python "$$python" .venv

$(READY): requirements/dev.txt pyproject.toml $(VERSION) $(UV) | $(BIN)/python
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

# The scanners, apart: they pin other versions of what chatlake uses, too.
$(SCAN): requirements/scan.txt | $(BIN)/python
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv/scan
	@$(UV) pip sync --quiet --require-hashes --python .venv/scan/bin/python $<
	@touch $@

# SAM, and the AWS CLI for tests, apart: they pin other versions of what chatlake uses.
$(SAM): requirements/sam.txt | $(BIN)/python
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv/sam
	@$(UV) pip sync --quiet --require-hashes --python .venv/sam/bin/python $<
	@echo '{"lastVersionCheck": 9999999999.0}' > .venv/sam/metadata.json
	@touch $@
