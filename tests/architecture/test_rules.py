"""The rules of the house that a program can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "abplat", ROOT / "sdk" / "python" / "abplat_sdk")
FILES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in FILES]

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
MAX_ARGUMENTS = 6
COMMITS = {"abplat/api/session.py", "abplat/jobs/runner.py", "abplat/facts/intake.py"}
COMMITS |= {"abplat/facts/intake_sql.py", "abplat/facts/drain.py"}
"""Where a transaction ends: a request, a job, and the two parts of facts that own theirs."""
CLOCKS = {"abplat/clock.py"}
COMPILED = {"abplat/analysis/journeys/kernel.py", "abplat/analysis/journeys/steps_kernel.py"}
COMPILED |= {"abplat/analysis/journeys/rollup_kernel.py", "abplat/analysis/stream_kernel.py"}
"""Compiled to machine code: each array is an argument of its own there, and the loop is one function."""
HEAVY = ("scipy", "statsmodels", "numba", "ibis", "pandas", "numpy", "duckdb", "deltalake", "pyarrow")


def name_of(path: Path) -> str:
    """Return a path as the rules write it."""
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is without its docstring."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    words = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - words


def test_rooms_import_only_what_lies_below() -> None:
    """The layers of the architecture hold, and the SDK stands alone."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'sdk' / 'python'}", "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_and_functions_stay_small(path: Path) -> None:
    """A function fits a screen, a file can be read at one sitting."""
    if name_of(path) in COMPILED:
        return
    long = [
        f"{node.name}: {lines} lines"
        for node in functions(path)
        if (lines := code_lines(node)) > MAX_FUNCTION_LINES
    ]

    assert long == []
    # The face of a package that only names what it offers is a list, not something to be read through.
    is_face = path.name == "__init__.py" and not list(functions(path))
    assert is_face or len(path.read_text().splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_functions_take_few_arguments(path: Path) -> None:
    """At most six that may be given by position; options by name do not count."""
    if name_of(path) in COMPILED:
        return
    many = [
        node.name
        for node in functions(path)
        if len([arg for arg in (*node.args.posonlyargs, *node.args.args) if arg.arg not in ("self", "cls")])
        > MAX_ARGUMENTS
    ]

    assert many == []


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_transactions_end_in_few_places(path: Path) -> None:
    """A service never commits: its caller decides what belongs together."""
    if name_of(path) not in COMMITS:
        assert ".commit(" not in path.read_text()


@pytest.mark.parametrize("path", [path for path in FILES if PACKAGES[0] in path.parents])
def test_only_the_clock_reads_the_time(path: Path) -> None:
    """Everything else is handed an instant, so that results can be made again."""
    text = path.read_text()
    if name_of(path) not in CLOCKS:
        assert "datetime.now" not in text
        assert "utcnow" not in text
        assert "time.time(" not in text


def test_the_web_process_stays_light(tmp_path: Path) -> None:
    """Making the app loads nothing that only analyses need."""
    code = (
        "import sys\nfrom pathlib import Path\nimport abplat.app\nfrom abplat.config import Settings\n"
        f"app = abplat.app.create_app(Settings(data_dir=Path({str(tmp_path / 'data')!r})))\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
        "app.extensions['abplat'].close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'sdk' / 'python'}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
