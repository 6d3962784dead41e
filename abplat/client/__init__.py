"""A Python client for analysts: what the service knows, as frames for a notebook.

from abplat.client import Client

client = Client("https://abplat.example.org", "abt_..")
client.experiments().to_pandas()
report = client.report("shorter-form")
client.metrics("shorter-form").to_polars()
"""

from __future__ import annotations

from abplat.client.api import Client
from abplat.client.frame import Frame

__all__ = ["Client", "Frame"]
