"""Compare the hash words of Python and JavaScript on a million random (salt, unit) pairs.

Run ``python benchmarks/agreement.py [PAIRS]``; needs node and ``node build.mjs modules`` in sdk/js.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from abplat_sdk.hashing import hash_words

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "sdk" / "js" / "tools" / "words.mjs"
ALPHABETS = [
    "0123456789",
    "0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._-",
    "".join(map(chr, range(0x250))),
    "".join(map(chr, [*range(0x0370, 0x0700), *range(0x2000, 0x2070), 0xFEFF, 0xFFFF])),
    "".join(map(chr, [*range(0x1F300, 0x1F700), 0x10FFFF, 0x10000, 0x200D, 0xFE0F])),
]


def make_pairs(count: int, seed: int = 7) -> Iterator[tuple[str, str]]:
    """Make up salts and units of every alphabet and length; the same ones every time."""
    chance = random.Random(seed)
    for _ in range(count):
        salt = f"{chance.getrandbits(64):016x}"
        most = 256 if chance.random() < 0.05 else 24
        unit = "".join(chance.choices(chance.choice(ALPHABETS), k=chance.randint(1, most)))
        yield (salt, unit) if chance.random() < 0.9 else (unit[:20], unit)


def count_differences(count: int) -> int:
    """Stream pairs through node and count the answers that are not Python's."""
    different = 0
    with subprocess.Popen(["node", WORDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writer = threading.Thread(target=feed, args=(process.stdin, count))
        writer.start()
        for (salt, unit), line in zip(make_pairs(count), process.stdout, strict=True):
            different += line.decode().strip() != "{} {}".format(*hash_words(salt, unit))
        writer.join()
    assert process.returncode == 0
    return different


def feed(sink: IO[bytes], count: int) -> None:
    """Write the pairs, one a line."""
    with sink:
        for pair in make_pairs(count):
            sink.write(json.dumps(pair).encode() + b"\n")


def main() -> None:
    """Print how many pairs differ."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    started = time.perf_counter()
    different = count_differences(count)
    print(f"{count:,} random (salt, unit) pairs: {different} differ between Python and JavaScript", end=" ")
    print(f"({time.perf_counter() - started:.0f} s)")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
