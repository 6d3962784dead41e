# `make demo` shows the main job; `make test` proves it. Both prepare what they need.
.PHONY: demo test test-spark check figures calibrate lock clean
ARGS ?=
ON_POSTGRES = tests/db tests/services --ignore tests/services/imports --ignore tests/services/test_vectors.py tests/facts --ignore tests/facts/test_sealed_order.py tests/sdk/test_recompute.py \
  tests/jobs/test_analyse.py tests/jobs/test_erase.py tests/jobs/test_operator_merges.py tests/jobs/test_runner.py tests/jobs/test_schedule.py \
  tests/api/test_identities.py tests/api/test_keys.py

demo:
	@scripts/prepare run
	@.venv/bin/abplat demo $(ARGS)

# Everything on SQLite, then again on PostgreSQL what talks to the database.
test: check
	@.venv/bin/pytest -n 2 -q $(ARGS)
	@scripts/with-postgres .venv/bin/pytest -n 2 -q $(ON_POSTGRES)

# The same Report on a real Spark, local and through a Connect server; needs a Java, and half a gigabyte once.
test-spark:
	@scripts/prepare test
	@.venv/bin/uv pip install --quiet --python .venv/bin/python 'pyspark[connect]>=4.2'
	@.venv/bin/pytest -q tests/analysis/test_spark.py

check:
	@scripts/prepare test
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary

# Every figure that README and docs quote is printed by one of these scripts.
figures:
	@scripts/prepare test
	@cd sdk/js && node build.mjs modules
	@for script in $(filter-out benchmarks/calibrate.py benchmarks/spark.py,$(wildcard benchmarks/*.py)); do \
	  echo "== $$script"; .venv/bin/python $$script || exit 1; done
	@for script in benchmarks/*.js; do echo "== $$script"; node $$script || exit 1; done

# Error rates and coverages over many simulated experiments; the table stands in docs/reference.
calibrate:
	@scripts/prepare test
	@.venv/bin/python benchmarks/calibrate.py

lock:
	@scripts/lock

clean:
	rm -rf .venv demo-data .mypy_cache .ruff_cache .pytest_cache
