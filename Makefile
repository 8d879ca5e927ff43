# Everything that a developer runs. `make demo` and `make test` need only Python 3.11 or newer.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed

.PHONY: help install demo test test-fast test-slow test-systemd test-wheel dist chaos chaos-embedded poison lint bench-recall docs \
	pictures transcript old-outboxes constraints clean

help: ## Show what there is to make.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Install mem0-syncd and its tools into .venv, every version pinned by hash.

$(INSTALLED): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "mem0-syncd needs Python 3.11 or newer"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

demo: $(INSTALLED) ## See it work: a sample project, a daemon that is killed, an embedded Mem0.
	$(BIN)/mem0-syncd demo

test: lint ## Check style and types, and run all tests.
	$(BIN)/python -m pytest -n 6 --dist worksteal

test-fast: lint ## Check style and types, and run the tests of single modules, within a minute.
	$(if $(wildcard /dev/shm),TMPDIR=/dev/shm) \
		$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=quick tests/unit tests/property

test-slow: $(INSTALLED) ## Run the tests that take minutes.
	$(BIN)/python -m pytest -n 2 -m slow

test-systemd: $(INSTALLED) ## Run the service under a real systemd user manager, where one can be booted.
	$(BIN)/python -m pytest -m systemd

chaos: $(INSTALLED) ## Let everything go wrong at once, 20,000 items long (ITEMS= and SEED= as you like).
	$(BIN)/python tests/chaos/run.py --items $(or $(ITEMS),20000) $(if $(SEED),--seed $(SEED))

chaos-embedded: $(INSTALLED) ## Kill daemon and courier over an embedded Mem0, and look after each kill.
	$(BIN)/python tests/chaos/embedded.py $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

poison: $(INSTALLED) ## Measure what 200 refused items cost 4,490 good ones.
	$(BIN)/python tests/chaos/poison.py

dist: $(INSTALLED) ## Build the sdist, and the wheel from it.
	rm -rf dist
	$(BIN)/python -m hatchling build -t sdist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--wheel-dir dist dist/*.tar.gz

test-wheel: dist ## Run the command line's tests against the wheel, installed without the source tree.
	rm -rf build/wheel
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	build/wheel/bin/python -m pip install --quiet --disable-pip-version-check --no-deps dist/*.whl
	build/wheel/bin/python -m pip check
	build/wheel/bin/python -m pytest -n 2 tests/release tests/system/test_commands.py tests/system/test_terminal.py \
		tests/system/test_embedded_delivery.py

lint: $(INSTALLED) ## Check style and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

.PHONY: bench soak
bench: $(INSTALLED) ## Measure every budget, and write docs/performance.md (a quarter of an hour; QUICK=1 only tries).
	$(BIN)/python tests/benchmarks/run.py $(if $(QUICK),--quick,--write)

soak: $(INSTALLED) ## Work for half an hour with faults, and show what grows (MINUTES= as you like).
	$(BIN)/python tests/benchmarks/soak.py --minutes $(or $(MINUTES),30) --write

bench-recall: $(INSTALLED) ## Measure how well the embedder recalls.
	$(BIN)/python tests/benchmarks/bench_recall.py

.PHONY: bench-redact
bench-redact: $(INSTALLED) ## Measure what redaction finds, beside detect-secrets, and write docs/redaction.md.
	$(BIN)/python tests/benchmarks/bench_redact.py --write

docs: $(INSTALLED) ## Write the pages that are made from the code.
	PYTHONPATH=tests $(BIN)/python -m support.reference

old-outboxes: $(INSTALLED) ## Keep an outbox of each new schema for the tests of upgrades.
	PYTHONPATH=tests $(BIN)/python -m support.old_outboxes

pictures: $(INSTALLED) ## Make the documentation's pictures from what the real commands print.
	PYTHONPATH=tests $(BIN)/python -m support.pictures

transcript: $(INSTALLED) ## Write down a newcomer's first ten minutes, run for real in an empty home folder.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pipx
	PYTHONPATH=tests $(BIN)/python -m support.transcript

.PHONY: crash-matrix power-loss
crash-matrix: $(INSTALLED) ## Kill daemon and courier before every durable call; what was cut off goes on.
	PYTHONPATH=tests $(BIN)/python -m crash.run $(if $(MINUTES),--minutes $(MINUTES))

power-loss: $(INSTALLED) ## Cut the power after every call, and see what is left.
	PYTHONPATH=tests $(BIN)/python -m crash.power_loss

constraints: ## Pin the newest versions that pyproject.toml allows (needs uv).
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --python-version 3.11 --extra embedded --extra pgvector --group dev pyproject.toml -o constraints.txt

clean: ## Remove what was installed and built.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
