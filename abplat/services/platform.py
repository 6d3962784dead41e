"""What one process of abplat holds: settings, database, intake and compiled configurations."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from abplat.clock import Clock, system_clock
from abplat.config import Settings
from abplat.db.engine import check_database, make_engine, writing
from abplat.db.upgrade import upgrade
from abplat.errors import AbplatError
from abplat.services.configuration import build_configuration, state_of_configuration
from abplat.services.holdings import Holdings
from abplat.services.open_journeys import Definitions

PRIVATE: Final = 0o700


class Configurations:
    """The evaluator of each project, compiled once and again only when a definition has changed.

    A look at the database tells whether anything changed; ``max_age_s`` spares the hot path even
    that look.
    """

    def __init__(
        self, sessions: sessionmaker[Session], compile_: Callable[[Any], Any], max_age_s: float = 1.0
    ) -> None:
        """Start empty."""
        self._sessions = sessions
        self._compile = compile_
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, tuple[Any, ...], dict[str, Any], Any]] = {}

    def document(self, project: str) -> dict[str, Any]:
        """Return the configuration document of a project."""
        return self._get(project)[2]

    def evaluator(self, project: str) -> Any:
        """Return the compiled evaluator of a project."""
        return self._get(project)[3]

    def forget(self, project: str) -> None:
        """Look again at the next call: a definition of the project has changed."""
        with self._lock:
            self._held.pop(project, None)

    def _get(self, project: str) -> tuple[float, tuple[Any, ...], dict[str, Any], Any]:
        """Return what is held, made again where it is old."""
        now = time.monotonic()
        held = self._held.get(project)
        if held is not None and now - held[0] < self._max_age_s:
            return held
        with self._lock, self._sessions() as session:
            state = state_of_configuration(session, project)
            held = self._held.get(project)
            if held is None or held[1] != state:
                document = build_configuration(session, project)
                held = (now, state, document, self._compile(document))
            self._held[project] = (now, *held[1:])
            return self._held[project]


@dataclass(frozen=True)
class Platform:
    """Everything a request, a job or a command works with.

    Attributes:
        settings: The settings of the installation.
        clock: The only source of the present instant.
        engine: The database, for transactions that read.
        sessions: Sessions that only read.
        writers: Sessions that will write: on SQLite they take their turn at once.
        intake: Where events become durable.
        doorkeeper: Knows whose events are refused.
        arrivals: Counts how events arrive.
        configurations: The evaluator of each project.
        journeys: The journeys of each project, parsed.
        holdings: What the ledger held a moment ago.
    """

    settings: Settings
    clock: Clock
    engine: Engine
    sessions: sessionmaker[Session]
    writers: sessionmaker[Session]
    intake: Any = None
    doorkeeper: Any = None
    arrivals: Any = None
    configurations: Configurations = field(repr=False, default=None)  # type: ignore[assignment]
    journeys: Definitions = field(repr=False, default=None)  # type: ignore[assignment]
    holdings: Holdings = field(repr=False, default_factory=Holdings)

    def forget(self, project: str) -> None:
        """Look again at what is held of a project: definitions, journeys and who is who."""
        self.configurations.forget(project)
        self.journeys.forget(project)
        self.holdings.forget(project)

    def close(self) -> None:
        """Write what waits and let go of the database."""
        if self.intake is not None:
            self._write_arrivals()
            self.intake.close()
        self.engine.dispose()

    def _write_arrivals(self) -> None:
        """Write the last counts; where that cannot be, they are lost and nothing else."""
        written = self.arrivals.take() if self.arrivals is not None else None
        if written is not None:
            with suppress(AbplatError):
                self.intake.submit("", [], work=written)


def open_platform(settings: Settings, clock: Clock = system_clock) -> Platform:
    """Open the database, bring it up to date, and return the platform.

    Raises:
        UnavailableError: If the database cannot be used, or a newer abplat has changed it.
    """
    from abplat_sdk.evaluator import compile_config  # noqa: PLC0415

    from abplat.facts.arrivals import Arrivals  # noqa: PLC0415
    from abplat.facts.doorkeeper import Doorkeeper  # noqa: PLC0415
    from abplat.facts.intake import Intake  # noqa: PLC0415  # only who opens a platform pays for it

    engine = open_database(settings)
    sessions = sessionmaker(engine, expire_on_commit=False)
    return Platform(
        settings=settings,
        clock=clock,
        engine=engine,
        sessions=sessions,
        writers=sessionmaker(writing(engine), expire_on_commit=False),
        intake=Intake(engine, clock),
        doorkeeper=Doorkeeper(engine),
        arrivals=Arrivals(),
        configurations=Configurations(sessions, compile_config),
        journeys=Definitions(sessions),
    )


def open_database(settings: Settings) -> Engine:
    """Open the database of an installation and bring its tables up to date.

    Raises:
        UnavailableError: If it cannot be used, or a newer abplat has changed it.
    """
    make_data_dir(settings)
    engine = make_engine(settings.sql_url)
    check_database(engine)
    upgrade(engine)
    return engine


def make_data_dir(settings: Settings) -> None:
    """Make the data folder, readable by its owner alone."""
    if not settings.data_dir.exists():
        settings.data_dir.mkdir(parents=True, mode=PRIVATE)
        os.chmod(settings.data_dir, PRIVATE)  # noqa: PTH101  # mkdir's mode is cut by the umask


def open_writers(settings: Settings) -> sessionmaker[Session]:
    """Return sessions that write, for a command; ``.begin()`` commits at its end or not at all.

    Raises:
        UnavailableError: If the database cannot be used.
    """
    return sessionmaker(writing(open_database(settings)), expire_on_commit=False)
