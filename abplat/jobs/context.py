"""What a job is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
