# `make demo` shows the main job; `make test` proves it. Both prepare what they need.
.PHONY: demo test check lock figures clean
ARGS ?=

demo:
	@scripts/prepare run
	@.venv/bin/abplat demo $(ARGS)

test: check
	@scripts/with-postgres .venv/bin/pytest -n 2 --dist loadgroup -q $(ARGS)

check:
	@scripts/prepare test
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary

# Every figure that README and docs quote is printed by one of these scripts.
figures:
	@scripts/prepare test
	@cd sdk/js && node build.mjs modules
	@for script in benchmarks/*.py; do echo "== $$script"; .venv/bin/python $$script || exit 1; done
	@for script in benchmarks/*.js; do echo "== $$script"; node $$script || exit 1; done

lock:
	@scripts/lock

clean:
	rm -rf .venv demo-data .mypy_cache .ruff_cache .pytest_cache
