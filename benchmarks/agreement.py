"""Compare the hash words of Python and JavaScript on a million random (salt, unit) pairs.

Twice: pair by pair with every alphabet and length, and by digests of pairs that both make up alike, which is quick
enough for a test. Run ``python benchmarks/agreement.py [PAIRS]``; needs node and ``node build.mjs modules`` in sdk/js.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
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
DIGESTS = ROOT / "sdk" / "js" / "tools" / "digests.mjs"
CHUNK = 1_000
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


def make_text(seed: int = 7, size: int = 5_000) -> str:
    """Return one long text of runs of every alphabet: units are cut out of it."""
    chance = random.Random(seed)
    return "".join(
        "".join(chance.choices(chance.choice(ALPHABETS), k=chance.randint(1, 30))) for _ in range(size // 15)
    )


def digest_chunks(text: str, seed: int, count: int) -> Iterator[str]:
    """Hash units cut out of a text, and give a digest of the words of each thousand."""
    state, size, pack = seed, len(text), struct.Struct(">II").pack
    for _ in range(0, count, CHUNK):
        words = []
        for _ in range(CHUNK):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            start = (state >> 8) % size
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            end = start + 1 + (state >> 8) % 40
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            words.append(pack(*hash_words(f"{state:08x}", text[start:end])))
        yield hashlib.sha256(b"".join(words)).hexdigest()


def count_different_thousands(count: int, seed: int = 7) -> int:
    """Let both languages hash the same pairs and count the thousands whose digests differ."""
    text = make_text(seed)
    asked = json.dumps({"text": text, "seed": seed, "count": count}).encode()
    with subprocess.Popen(["node", DIGESTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(asked)
        process.stdin.close()
        ours = list(digest_chunks(text, seed, count))
        theirs = process.stdout.read().decode().split()
    assert process.returncode == 0
    return sum(our != their for our, their in zip(ours, theirs, strict=True))


def main() -> None:
    """Print how many pairs differ."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    started = time.perf_counter()
    different = count_differences(count)
    print(f"{count:,} random (salt, unit) pairs: {different} differ between Python and JavaScript", end=" ")
    print(f"({time.perf_counter() - started:.0f} s)")
    started = time.perf_counter()
    thousands = count_different_thousands(count)
    print(f"{count:,} pairs by digests: {thousands} thousands differ ({time.perf_counter() - started:.0f} s)")
    sys.exit(1 if different or thousands else 0)


if __name__ == "__main__":
    main()
