"""Every pair of colours that meets as text and ground is readable: WCAG AA, 4.5 to 1."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import abplat.web
from abplat.web.charts import journey_map, svg

SHEET = Path(abplat.web.__file__).parent / "static" / "abplat.css"
TEXTS = ("ink", "muted", "link", "good", "bad", "warn", "calm", "more", "fewer", "control", "s2", "s3", "s4")
PAIRS = [(text, ground) for text in TEXTS for ground in ("paper", "ground")]
PAIRS += [("paper", "link"), ("ink", "calm-bg"), ("bad", "paper")]  # buttons, messages
PAIRS += [(tone, f"{tone}-bg") for tone in ("good", "bad", "warn", "calm", "more", "fewer")]
PAIRS += [
    (text, f"{tone}-bg") for text in ("ink", "link", "muted") for tone in ("good", "bad", "warn", "calm")
]
PAIRS += [
    ("paper", "link"),
    ("paper", "more"),
    ("oncompleted", "control"),
    ("oncompleted", "more"),
    ("oncompleted", "s2"),
]
PAIRS += [("muted", "calm-bg"), ("ink", "more-bg"), ("ink", "fewer-bg"), ("onbar", "open"), ("onbar", "abandoned"),
          ("onbar", "aborted"), ("onbar", "superseded"), ("oncompleted", "completed")]  # fmt: skip


def tokens(theme: str) -> dict[str, str]:
    """Read the colours of a theme from the style sheet."""
    blocks = re.findall(r":root\{([^}]*)\}", SHEET.read_text())
    block = blocks[0] if theme == "light" else blocks[1]
    return dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})", block))


def luminance(color: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    digits = color.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    """The formula is right."""
    assert round(contrast("#000", "#ffffff"), 6) == 21


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_tokens_are_readable(theme: str, text: str, ground: str) -> None:
    """In both themes."""
    colors = tokens(theme)

    assert contrast(colors[text], colors[ground]) >= 4.5


@pytest.mark.parametrize("tone", ["more", "fewer"])
def test_labels_of_the_map_are_readable_without_a_style_sheet(tone: str) -> None:
    """As in a PDF or an e-mail."""
    assert contrast(svg.TONES[tone], journey_map.TINTS[tone]) >= 4.5
    assert contrast(svg.TONES[tone], svg.PAPER) >= 4.5
    assert contrast(svg.MUTED, journey_map.TINTS["calm"]) >= 4.5
