"""Read and write definition files: YAML, of which JSON is a part."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from abplat.errors import InvalidInputError, NotFoundError, TooLargeError

MAX_BYTES: Final = 4 * 1024 * 1024


class _StrictLoader(yaml.SafeLoader):
    """YAML without what makes a small file huge or lets a second key hide the first."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases: a few lines of them unfold into more than any memory."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not read; repeat the value", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  # as in the base
        """Refuse a key that stands twice."""
        seen: set[Any] = set()
        for name, _ in node.value:
            key = name.value
            if isinstance(key, str) and key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key!r} stands twice", problem_mark=name.start_mark)
            seen.add(key if isinstance(key, str) else id(key))
        return super().construct_mapping(node, deep)


def read_document(path: Path) -> Any:
    """Read a YAML or JSON file.

    Raises:
        NotFoundError: If there is no such file.
        TooLargeError: If it is larger than 4 MiB.
        InvalidInputError: If it is neither YAML nor JSON, with line and column.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise TooLargeError(f"{path} has {len(content)} bytes; a definition file has at most {MAX_BYTES}")
    try:
        return yaml.load(content.decode(), _StrictLoader)  # noqa: S506  # a subclass of SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not YAML: {_one_line(error)}") from error
    except (RecursionError, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is nested too deeply or holds a value that cannot be read"
        ) from error


def write_document(document: Any) -> str:
    """Return a document as YAML, fields in the order of the document."""
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text


def _one_line(error: Exception) -> str:
    """Return where and what in one line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)
