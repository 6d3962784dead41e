"""What a job is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from abplat.clock import Clock
from abplat.config import Settings
from abplat.facts.lake import Lake


@dataclass(frozen=True, slots=True)
class JobContext:
    """The surroundings of a job.

    Attributes:
        settings: The settings of the installation.
        clock: The present time.
        engine: The SQL database.
        lake: The facts.
    """

    settings: Settings
    clock: Clock
    engine: Engine
    lake: Lake

    @property
    def sessions(self) -> sessionmaker[Session]:
        """Sessions for reading; what a job wants to write it leaves to ``Outcome.publish``."""
        return sessionmaker(self.engine)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job has worked out.

    Attributes:
        detail: A few words for the worker's line; a repeating job that has none prints no line.
        publish: Writes the result. It runs in the transaction that calls the job done, after the
            lease was found good: a worker that lost its lease publishes nothing.
    """

    detail: str = ""
    publish: Callable[[Session], None] | None = None


Handler = Callable[[JobContext, dict[str, Any]], Outcome]


class Together(NamedTuple):
    """How several jobs of a kind are done at once.

    Attributes:
        run: Gives the outcome of each payload, or its error, in their order and each as soon as it is there.
        batch_of: What payloads must have in common.
    """

    run: Callable[[JobContext, Sequence[dict[str, Any]]], Iterator[Outcome | Exception]]
    batch_of: Callable[[dict[str, Any]], Hashable]
