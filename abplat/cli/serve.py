"""``abplat serve``: answer requests, with a worker beside."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

import click

from abplat.cli import actor, read_settings
from abplat.errors import UnavailableError

if TYPE_CHECKING:
    from types import FrameType

    from abplat.config import Settings
    from abplat.services.platform import Platform

LOCK_NAME: Final = "serve.lock"
# Slow clients hold connections, not threads: see the measurements in docs/decisions.
_CONNECTIONS = 2_000
_IDLE_SECONDS = 20
# A little above the limit of the app, so that the app answers most oversized bodies in its own words.
_MAX_BODY = 5 * 1024 * 1024
_STOP_SECONDS = 15
_PR_SET_PDEATHSIG = 1


@click.command(name="serve")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the SQLite file and the lake.")
@click.option("--database-url", help="Database to use instead of the SQLite file.")
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes a free one.")
@click.option(
    "--sign-in",
    type=click.Choice(["required", "local"]),
    help="Whether people sign in; local needs 127.0.0.1.",
)
@click.option("--no-worker", is_flag=True, help="Do not start a worker beside the server.")
def command(*, no_worker: bool, **given: Any) -> None:
    """Serve the API and the pages; the first start makes everything that is needed."""
    settings = read_settings(**given)
    lock = _take_lock(settings)
    try:
        _serve(settings, lock, with_worker=not no_worker)
    finally:
        lock.close()


def _serve(settings: Settings, lock: IO[str], *, with_worker: bool) -> None:
    """Make the app, say where it is, and answer until a signal comes."""
    from waitress.server import create_server

    from abplat.app import create_app

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    _upgrade_apart(settings)
    app = create_app(settings)
    platform: Platform = app.extensions["abplat"]
    try:
        server = create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            max_request_body_size=_MAX_BODY,
            ident=None,
            **_proxy_options(settings),
        )
    except OSError as error:
        platform.close()
        where = f"{settings.host}:{settings.port}"
        raise UnavailableError(f"cannot listen on {where}: {error.strerror}; try --port 0") from error
    worker = Worker(settings) if with_worker else None
    try:
        _announce(settings, platform, lock, server.effective_port)
        if worker:
            worker.start()
        server.run()
    finally:
        server.close()
        if worker:
            worker.stop()
        platform.close()


def _upgrade_apart(settings: Settings) -> None:
    """Bring the tables up to date in a child: what only migrations load, some 12 MB, goes with it.

    Whatever goes wrong there goes wrong again in the server's own opening, which says so.
    """
    from abplat.services.platform import open_database

    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    with suppress(BaseException):
        open_database(settings).dispose()
    os._exit(0)


def _proxy_options(settings: Settings) -> dict[str, Any]:
    """Say whose word counts on where a request comes from and how it was sent."""
    if not settings.trusted_proxies:
        return {}
    return {
        "trusted_proxy": "*",
        "trusted_proxy_count": settings.trusted_proxies,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
        "clear_untrusted_proxy_headers": True,
    }


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the server's loop; what was accepted is on disk already."""
    raise SystemExit(0)


def _announce(settings: Settings, platform: Platform, lock: IO[str], port: int) -> None:
    """Print the URL; on the first start the admin key and a call to try, too."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()} {url}\n")
    lock.flush()
    token = _bootstrap(platform)
    click.echo(f"abplat answers at {url}")
    if token:
        click.echo(f"admin key of project main, shown once: {token}")
        click.echo(f'try: curl -H "Authorization: Bearer {token}" {url}/v1/projects')
    link = _make_first_link(platform) if settings.sign_in == "required" else None
    if link:
        public = settings.public_url.rstrip("/") or url
        click.echo(f"become the administrator, once, within 24 hours: {public}/welcome/{link}")
    sys.stdout.flush()


def _make_first_link(platform: Platform) -> str | None:
    """Make the link for the first administrator where there is nobody; an older one works no more."""
    from abplat.services import links

    with platform.writers.begin() as session:
        return links.make_first(session, now=platform.clock())


def _bootstrap(platform: Platform) -> str | None:
    """Make the project main with an admin key where there is none; return the key."""
    from abplat.db.queries import projects as queries
    from abplat.domain.keys import ADMIN
    from abplat.services import audit, keys, projects

    with platform.sessions() as session:
        if queries.find(session, projects.BOOTSTRAP) is not None:
            return None
    with platform.writers.begin() as session:
        audit.act_as(session, actor())
        now = platform.clock()
        projects.create(session, {"key": projects.BOOTSTRAP, "title": "Main"}, now=now)
        return keys.create(session, projects.BOOTSTRAP, ADMIN, now=now).token


def _take_lock(settings: Settings) -> IO[str]:
    """Be the only server of a data folder.

    Two servers on one SQLite file would make each other slow and could surprise an operator who
    believes to have stopped the only one.

    Raises:
        UnavailableError: If another server is running.
    """
    from abplat.services.platform import make_data_dir

    make_data_dir(settings)
    path = settings.data_dir / LOCK_NAME
    lock = path.open("a+", encoding="utf-8")
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        other = lock.read().strip() or "unknown"
        lock.close()
        message = (
            f"another server (process {other}) uses {settings.data_dir}; stop it or choose another --data-dir"
        )
        raise UnavailableError(message) from error
    return lock


class Worker:
    """The worker process beside the server: started again when it dies, stopped with the server."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the command line."""
        self._command = [sys.executable, "-m", "abplat.cli", "worker", "--data-dir", str(settings.data_dir)]
        if settings.database_url:
            self._command += ["--database-url", settings.database_url]
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher = threading.Thread(target=self._watch, name="worker-watch", daemon=True)

    def start(self) -> None:
        """Start it."""
        self._process = self._spawn()
        self._watcher.start()

    def stop(self) -> None:
        """Ask it to end, wait, and end it if it does not."""
        self._stopping.set()
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the process; the kernel ends it should the server be killed."""
        preexec = _die_with_parent if sys.platform == "linux" else None
        return subprocess.Popen(self._command, stdin=subprocess.DEVNULL, preexec_fn=preexec)  # noqa: S603, PLW1509

    def _watch(self) -> None:
        """Start it again when it dies, waiting longer each time."""
        pause = 1.0
        while self._process is not None:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            click.echo(f"the worker ended with code {code}; it is started again in {pause:g} s", err=True)
            if self._stopping.wait(pause):
                return
            pause = min(pause * 2, 60.0)
            self._process = self._spawn()


def _die_with_parent() -> None:
    """Ask Linux for a SIGTERM when the parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
