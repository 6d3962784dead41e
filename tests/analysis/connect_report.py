"""Makes the Report of a folder of facts on an engine and prints its bytes: run by tests in a process of its own.

Usage: python -m tests.analysis.connect_report FOLDER ENGINE AS_OF_US
"""

from __future__ import annotations

import sys
from pathlib import Path

from .test_spark import report

if __name__ == "__main__":
    sys.stdout.buffer.write(report(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
