# make demo: a scenario on three simulated nodes, its verdict, its flow, its report; make test: everything that must hold. Both do all the set-up.
# PYTHON=python3.12 chooses the interpreter; HARNESS_REFERENCE=FOLDER names captures of real clusters.

PYTHON ?= python3
BIN := .venv/bin
export PYTHON

.PHONY: demo test lint types imports tests setup-demo setup-test benchmark clean

DEMO := scenarios/lwt/test_conditional_write.py::test_second_insert_decides_on_nothing_in_a_round_of_its_own
DEMO_REPORTS := reports/demo

# The scenario's exit status is the demo's; the flow is shown whatever the verdict is.
demo: setup-demo
	@$(BIN)/harness run $(DEMO) -q --report-dir $(DEMO_REPORTS); verdict=$$?; \
	run=$$(ls -td $(DEMO_REPORTS)/*/*/ 2>/dev/null | head -n 1); \
	if [ -n "$$run" ] && [ -f "$${run}capture.pcapng" ]; then \
	    $(BIN)/harness flow "$${run}capture.pcapng" 2>/dev/null; \
	    printf '\nThe report, which opens in any browser:\n%s\n' "$(CURDIR)/$${run}report.html"; \
	fi; exit $$verdict

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
	$(BIN)/python benchmarks/simulation.py

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
