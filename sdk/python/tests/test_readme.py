"""What the README shows can be run as it stands, but for addresses and paths."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import uuid
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"


def read_blocks(platform: Any, folder: Path) -> list[str]:
    """Return the examples, with a real address and real folders."""
    text = README.read_text("utf-8").replace("https://abplat.example.com", platform.url)
    text = text.replace("/var/cache/shop", str(folder)).replace("/var/lib/kiosk", str(folder / "kiosk"))
    return re.findall(r"```python\n(.+?)```", text, re.DOTALL)


def test_every_channel_works_as_shown(platform: Any, tmp_path: Path) -> None:
    """Web, app, kiosk, call centre and e-mail: each records what it says."""
    (tmp_path / "kiosk").mkdir()
    for experiment in platform.config["experiments"]:
        experiment["key"] = "shorter-form"
    worked, *channels, _asyncio = read_blocks(platform, tmp_path)
    shop: dict[str, Any] = {"uuid": uuid}
    exec(worked.split("unsent =")[0], shop)
    for block in channels:
        exec(block, shop)
    cookies: dict[str, str] = {}
    assert shop["show_form"](cookies, "DE") == {"fields": 9}
    shop["sign_in"](cookies, 7)
    assert "#customer=abi1." in shop["link_to_app"](7)
    shop["app_opened"]("device:1", shop["link_to_app"](7).partition("=")[2])
    assert shop["kiosk"].refresh()
    assert shop["card_shown"](5) in {"control", "treatment"}
    unit, decision = shop["call_comes_in"]("+49301234567")
    shop["script_was_spoken"](unit, decision)
    sent: list[tuple[str, str]] = []
    shop["send_mailing"](range(3), lambda *mail: sent.append(mail))
    assert shop["client"].close(30) == shop["kiosk"].close(30) == 0

    met = [event["channel"] for event in platform.stored.values() if event["kind"] == "exposure"]
    assert (unit, len(sent)) == ("cust:1", 3)
    assert sorted(met) == ["email", "email", "email", "phone", "store", "web", "web"]
    assert {event["name"] for event in platform.stored.values() if "name" in event} == {
        "quote",
        "offer",
        "call",
    }


def test_asyncio_works_as_shown(platform: Any, tmp_path: Path) -> None:
    """The calls that wait can be awaited."""
    block = read_blocks(platform, tmp_path)[-1]
    found: dict[str, Any] = {}
    exec("from abplat_sdk import Client", found)
    code = compile(block, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    work = eval(code, found)
    assert inspect.iscoroutine(work)
    asyncio.run(work)

    assert found["unsent"] == 0
