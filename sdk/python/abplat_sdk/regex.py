r"""Regular expressions that cannot run away: a small subset of RE2, matched in bounded time.

Python's ``re`` backtracks, so one pattern such as ``(a+)+$`` in a targeting rule could stop every process
that evaluates it. Here a pattern becomes a non-deterministic automaton whose states advance together, so
that time grows with length of text times length of program, both limited.

Understood: literals, ``.``, ``[a-z]``, ``[^a-z]``, ``\d \w \s`` and their negations (ASCII), ``\n \r \t \f \v``,
escaped punctuation, ``( )``, ``(?: )``, ``|``, ``* + ? {m} {m,} {m,n}`` (and their lazy forms, which find the
same texts), ``^`` and ``$`` for the ends of the text. Anything else is refused, look-around and
back-references first of all. A match may lie anywhere in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MAX_PATTERN = 200
MAX_TEXT = 512
MAX_REPEAT = 100
_MAX_STATES = 300
_MAX_DEPTH = 20
_MAX_CACHED = 4_096

_DIGITS = (("0", "9"),)
_WORDS = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_SPACES = (("\t", "\n"), ("\f", "\r"), (" ", " "))
_CLASSES = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_PUNCTUATION = frozenset("\\.+*?()|[]{}^$-/")

Ranges = tuple[tuple[str, str], ...]


class PatternError(ValueError):
    """A pattern lies outside the subset or its limits."""


class _Set:
    """A set of characters: ranges, taken as they are or negated."""

    __slots__ = ("negated", "ranges")

    def __init__(self, ranges: Ranges, *, negated: bool = False) -> None:
        self.ranges = ranges
        self.negated = negated

    def __contains__(self, char: str) -> bool:
        return any(low <= char <= high for low, high in self.ranges) != self.negated


_ANY = _Set((("\n", "\n"),), negated=True)
# A kind and what belongs to it: characters of a set, nodes of a row or a choice, bounds of a repetition.
_Node = tuple[Any, ...]


class _Parser:
    """Reads a pattern into a tree by recursive descent."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0

    def parse(self) -> _Node:
        """Read the whole pattern."""
        node = self._choice(0)
        if self.at < len(self.text):
            raise PatternError("unbalanced )")
        return node

    def _peek(self) -> str:
        """Return the next character, or an empty text at the end."""
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        """Consume the next character."""
        if self.at >= len(self.text):
            raise PatternError("the pattern ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def _accept(self, token: str) -> bool:
        """Consume a token if it comes next."""
        if not self.text.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def _choice(self, depth: int) -> _Node:
        """Read alternatives."""
        if depth > _MAX_DEPTH:
            raise PatternError("groups are nested too deeply")
        branches = [self._sequence(depth)]
        while self._accept("|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else ("or", branches)

    def _sequence(self, depth: int) -> _Node:
        """Read what stands in a row."""
        nodes = []
        while self._peek() not in {"", "|", ")"}:
            nodes.append(self._repeated(self._atom(depth)))
        return ("cat", nodes)

    def _atom(self, depth: int) -> _Node:
        """Read one thing that can be repeated."""
        char = self._take()
        if char == "(":
            return self._group(depth)
        if char in "^$":
            return ("start",) if char == "^" else ("end",)
        if char in "*+?{}]":
            raise PatternError(f"{char} stands where nothing can be repeated")
        return ("set", self._plain(char))

    def _plain(self, char: str) -> _Set:
        """Read a set of characters that starts with the one given."""
        if char == ".":
            return _ANY
        if char == "[":
            return self._bracket()
        if char == "\\":
            ranges, negated = self._escape()
            return _Set(ranges, negated=negated)
        return _Set(((char, char),))

    def _group(self, depth: int) -> _Node:
        """Read the inside of a group."""
        if self._peek() == "?" and not self._accept("?:"):
            raise PatternError("only plain and (?: groups exist")
        node = self._choice(depth + 1)
        if not self._accept(")"):
            raise PatternError("a group is not closed")
        return node

    def _escape(self) -> tuple[Ranges, bool]:
        """Read what follows a backslash."""
        char = self._take()
        if char.lower() in _CLASSES:
            return _CLASSES[char.lower()], char.isupper()
        if char in _PUNCTUATION:
            return ((char, char),), False
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),), False
        raise PatternError(f"\\{char} is not understood")

    def _bracket(self) -> _Set:
        """Read a set in brackets."""
        negated = self._accept("^")
        ranges: list[tuple[str, str]] = []
        while not self._accept("]"):
            ranges.extend(self._member())
        if not ranges:
            raise PatternError("[] is empty")
        return _Set(tuple(ranges), negated=negated)

    def _member(self) -> Ranges:
        """Read one character, one range or one class of a set in brackets."""
        low, single = self._endpoint()
        if not single or self._peek() != "-" or self.text[self.at + 1 : self.at + 2] in {"", "]"}:
            return low
        self._take()
        high, also_single = self._endpoint()
        if not also_single or high[0][0] < low[0][0]:
            raise PatternError("a range in [] runs backwards")
        return ((low[0][0], high[0][0]),)

    def _endpoint(self) -> tuple[Ranges, bool]:
        """Read one end of a range, and say whether it is a single character."""
        char = self._take()
        if char == "[":
            raise PatternError("[ in a set needs a backslash")
        if char != "\\":
            return ((char, char),), True
        ranges, negated = self._escape()
        if negated:
            raise PatternError("a negated class cannot stand in []")
        return ranges, len(ranges) == 1 and ranges[0][0] == ranges[0][1]

    def _repeated(self, node: _Node) -> _Node:
        """Read the repetition that follows, if any."""
        bounds = self._bounds()
        if bounds is None:
            return node
        self._accept("?")
        if node[0] in {"start", "end"} or self._peek() in {"*", "+", "?", "{"}:
            raise PatternError("a repetition or an end of the text is repeated")
        return ("rep", node, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        """Read ``* + ? {m,n}`` as least and most; None when nothing is repeated."""
        for token, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._accept(token):
                return bounds
        return self._counted() if self._accept("{") else None

    def _counted(self) -> tuple[int, int | None]:
        """Read the inside of braces."""
        least = self._number()
        most: int | None = least
        if self._accept(","):
            most = None if self._peek() == "}" else self._number()
        if not self._accept("}") or (most is not None and most < least):
            raise PatternError("a repetition in {} is malformed")
        return least, most

    def _number(self) -> int:
        """Read a count."""
        start = self.at
        while self._peek() and self._peek() in "0123456789":
            self.at += 1
        digits = self.text[start : self.at]
        if not digits or len(digits) > 3 or int(digits) > MAX_REPEAT:
            raise PatternError(f"a repetition needs a count up to {MAX_REPEAT}")
        return int(digits)


class _Program:
    """The automaton: every state has a kind, a set of characters or ways out."""

    def __init__(self) -> None:
        self.sets: list[_Set | None] = []
        self.kinds: list[str] = []
        self.outs: list[tuple[int, ...]] = []

    def add(self, kind: str, outs: tuple[int, ...], chars: _Set | None = None) -> int:
        """Append a state and return its number."""
        if len(self.kinds) >= _MAX_STATES:
            raise PatternError("the pattern is too large")
        self.kinds.append(kind)
        self.outs.append(outs)
        self.sets.append(chars)
        return len(self.kinds) - 1

    def build(self, node: _Node, after: int) -> int:
        """Append the states of a node that lead to the state ``after``; return the first."""
        kind = node[0]
        if kind == "set":
            return self.add("set", (after,), node[1])
        if kind in {"start", "end"}:
            return self.add(str(kind), (after,))
        if kind == "cat":
            for part in reversed(node[1]):
                after = self.build(part, after)
            return after
        if kind == "or":
            return self.add("split", tuple(self.build(part, after) for part in node[1]))
        _, part, least, most = node
        return self._repeat(part, least, most, after)

    def _repeat(self, node: _Node, least: int, most: int | None, after: int) -> int:
        """Unroll a repetition."""
        if most is None:
            loop = self.add("split", (after,))
            self.outs[loop] = (self.build(node, loop), after)
            after = loop
        else:
            end = after
            for _ in range(most - least):
                after = self.add("split", (self.build(node, after), end))
        for _ in range(least):
            after = self.build(node, after)
        return after


class _Automaton:
    """Runs a program over texts, keeping the steps already worked out."""

    def __init__(self, program: _Program, first: int) -> None:
        self._program = program
        self._first = first
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._begin = self._reach((first,), at_start=True)
        self._later = self._reach((first,), at_start=False)

    def search(self, text: str) -> bool:
        """Say whether the pattern is found anywhere in the text."""
        states, kinds = self._begin, self._program.kinds
        for char in text:
            if 0 in states:
                return True
            states = self._step(states, char)
        return 0 in self._finish(states, kinds, empty=not text)

    def _step(self, states: frozenset[int], char: str) -> frozenset[int]:
        """Advance all states by one character; a new match may begin after it."""
        known = self._steps.get((states, char))
        if known is not None:
            return known
        sets, outs = self._program.sets, self._program.outs
        moved = [outs[state][0] for state in states if (chars := sets[state]) is not None and char in chars]
        reached = self._reach(moved, at_start=False) | self._later
        if len(self._steps) >= _MAX_CACHED:
            self._steps = {}
        self._steps[states, char] = reached
        return reached

    def _reach(
        self, states: tuple[int, ...] | list[int] | frozenset[int], *, at_start: bool, at_end: bool = False
    ) -> frozenset[int]:
        """Follow every way that consumes no character."""
        seen: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                waiting.extend(self._free_ways(state, at_start=at_start, at_end=at_end))
        return frozenset(seen)

    def _free_ways(self, state: int, *, at_start: bool, at_end: bool) -> Iterator[int]:
        """Yield the states reached from one without consuming anything."""
        kind = self._program.kinds[state]
        if kind == "split" or (kind == "start" and at_start) or (kind == "end" and at_end):
            yield from self._program.outs[state]

    def _finish(self, states: frozenset[int], kinds: list[str], *, empty: bool) -> frozenset[int]:
        """Follow the ways that are open at the end of the text only."""
        if not any(kinds[state] == "end" for state in states):
            return states
        return self._reach(states, at_start=empty, at_end=True)


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Turn a pattern into a search that takes bounded time.

    Args:
        pattern: At most 200 characters of the subset.

    Returns:
        A function that says whether a text of at most 512 characters holds a match; longer texts never do.

    Raises:
        PatternError: If the pattern lies outside the subset.

    Examples:
        >>> compile_pattern("^(a+)+$")("a" * 100 + "b")
        False
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"a pattern has at most {MAX_PATTERN} characters")
    program = _Program()
    match = program.add("match", ())
    search = _Automaton(program, program.build(_Parser(pattern).parse(), match)).search
    return lambda text: len(text) <= MAX_TEXT and search(text)
