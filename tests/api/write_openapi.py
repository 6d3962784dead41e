"""Write docs/reference/openapi.json anew: python -m tests.api.write_openapi."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from abplat.app import create_app
from abplat.config import Settings


def main() -> None:
    """Ask a fresh app for its document and keep it."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        spec = app.test_client().get("/openapi.json").get_json()
        app.extensions["abplat"].close()
    path = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
    path.write_text(json.dumps(spec, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
