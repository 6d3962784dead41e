"""The one error tree of abplat. Errors are raised low and shown once.

    AbplatError                     internal             500
    ├── InvalidInputError           invalid_input        422
    ├── NotAuthenticatedError       not_authenticated    401
    ├── NotAllowedError             not_allowed          403
    ├── NotFoundError               not_found            404
    ├── ConflictError               conflict             409
    │   ├── DuplicateKeyError       duplicate_key        409
    │   ├── IllegalTransitionError  illegal_transition   409
    │   ├── LayerFullError          layer_full           409
    │   └── ApprovalNeededError     approval_needed      409
    ├── StaleVersionError           stale_version        412
    ├── TooLargeError               too_large            413
    ├── LimitExceededError          limit_exceeded       429
    ├── UnavailableError            unavailable          503
    └── StorageFullError            storage_full         507

No error knows of HTTP: ``abplat.api.errors`` holds the one map from code to status.
A statistic that cannot be computed is not an error: see ``abplat.stats.NotComputable``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, NamedTuple


class Problem(NamedTuple):
    """One fault of an input: where it is, what is wrong and how to mend it."""

    path: str
    message: str
    code: str = "invalid"


class AbplatError(Exception):
    """The root of all errors that abplat raises on purpose."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, problems: Iterable[Problem] = ()) -> None:
        """Keep the sentence for people and the faults for programs."""
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)


class InvalidInputError(AbplatError):
    """An input breaks a rule; every fault found is listed, not only the first."""

    code = "invalid_input"

    @classmethod
    def at(cls, path: str, message: str, code: str = "invalid") -> InvalidInputError:
        """Make the error for a single fault.

        Examples:
            >>> InvalidInputError.at("window", "needs a duration, such as 7d").problems[0].path
            'window'
        """
        where = f"{path}: {message}" if path else message
        return cls(where, problems=[Problem(path, message, code)])


class NotAuthenticatedError(AbplatError):
    """No valid key was presented."""

    code = "not_authenticated"


class NotAllowedError(AbplatError):
    """The key is valid, but its scope does not cover the call."""

    code = "not_allowed"


class NotFoundError(AbplatError):
    """The named thing does not exist in this project."""

    code = "not_found"


class ConflictError(AbplatError):
    """The request contradicts the present state."""

    code = "conflict"


class DuplicateKeyError(ConflictError):
    """A thing of this key exists already."""

    code = "duplicate_key"


class IllegalTransitionError(ConflictError):
    """The experiment cannot go from its state to the one asked for."""

    code = "illegal_transition"


class ApprovalNeededError(ConflictError):
    """The project asks for a second person's approval of this, and there is none."""

    code = "approval_needed"


class LayerFullError(ConflictError):
    """The slot asked for overlaps another experiment of the layer."""

    code = "layer_full"


class StaleVersionError(AbplatError):
    """The thing was changed by somebody else since it was read."""

    code = "stale_version"


class TooLargeError(AbplatError):
    """A body is larger than the limit."""

    code = "too_large"


class LimitExceededError(AbplatError):
    """Too many requests; try again later."""

    code = "limit_exceeded"
    retry_after_s: int = 1

    @classmethod
    def after(cls, seconds: float, message: str) -> LimitExceededError:
        """Make the error for somebody who must wait for some seconds.

        Examples:
            >>> LimitExceededError.after(14.2, "too many").retry_after_s
            15
        """
        error = cls(message)
        error.retry_after_s = max(1, math.ceil(seconds))
        return error


class UnavailableError(AbplatError):
    """The service cannot answer now; nothing was changed and the call may be repeated."""

    code = "unavailable"


class StorageFullError(AbplatError):
    """The disk has no room left; nothing was changed."""

    code = "storage_full"
