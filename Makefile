# make demo: shows the flow of a small capture; make test: everything that must hold. Both do all the set-up.
# PYTHON=python3.12 chooses the interpreter; HARNESS_REFERENCE=FOLDER names captures of real clusters.

PYTHON ?= python3
BIN := .venv/bin
export PYTHON

.PHONY: demo test lint types imports tests setup-demo setup-test benchmark clean

DEMO := reports/demo/lwt_insert_twice.pcapng

demo: setup-demo
	@$(BIN)/python -m demo.lwt_insert_twice reports/demo
	@$(BIN)/harness flow $(DEMO) 2>/dev/null
	@echo
	@$(BIN)/harness check $(DEMO) --claim lwt_round:demo.map --claim monitors 2>/dev/null | grep -E '^(PASS|FAIL|INCONCLUSIVE)'
	@echo
	@echo "The report, which opens in any browser:"
	@$(BIN)/harness report $(DEMO) 2>/dev/null

test: lint types imports tests

setup-demo:
	@.ci/setup demo

setup-test:
	@.ci/setup test

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-test
	$(BIN)/mypy

imports: setup-test
	$(BIN)/lint-imports

tests: setup-test
	$(BIN)/pytest -n auto -q

benchmark: setup-test
	$(BIN)/python benchmarks/decode.py

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
