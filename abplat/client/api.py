"""The client: one method for each thing an analyst asks for, over the public API and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from abplat.client.frame import Frame
from abplat.domain.report import Report, decode_report
from abplat.errors import AbplatError, InvalidInputError, NotFoundError, UnavailableError
from abplat.services.report_table import COLUMNS, list_rows

_POLL_S: Final = 1.0
_SENTENCES: Final = {
    401: "the key is not known here; make one with abplat keys create",
    404: "there is no such thing",
}


class Client:
    """Asks a running service for definitions, reports and the state of the data.

    Args:
        url: Address of the service, such as ``https://abplat.example.org``.
        key: An admin key (``abt_``) of the project, or a personal token.
        timeout: Seconds to wait for an answer.

    Raises:
        InvalidInputError: If the address is none.

    Examples:
        >>> Client("ftp://nowhere", "abt_x")
        Traceback (most recent call last):
        ...
        abplat.errors.InvalidInputError: url: 'ftp://nowhere' is no address; write http:// or https://
    """

    def __init__(self, url: str, key: str, *, timeout: float = 30.0) -> None:
        """Remember where to ask."""
        if urlsplit(url).scheme not in {"http", "https"}:
            raise InvalidInputError.at("url", f"{url!r} is no address; write http:// or https://", "bad_url")
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout

    def __enter__(self) -> Self:
        """Be usable in a with block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hold nothing open."""

    def definitions(self, noun: str) -> Frame:
        """Return the definitions of a noun: experiments, journeys, metrics, touchpoints, segments..

        Raises:
            NotFoundError: If there is no such noun.
        """
        return Frame(list(self._pages(f"/v1/{quote(noun)}")))

    def experiments(self) -> Frame:
        """Return the experiments of the project."""
        return self.definitions("experiments")

    def journeys(self) -> Frame:
        """Return the journeys of the project."""
        return self.definitions("journeys")

    def report(self, experiment: str) -> Report:
        """Return the youngest report of an experiment.

        Raises:
            NotFoundError: If there is no such experiment, or no report of it yet.
        """
        return decode_report(self._ask("GET", f"/v1/experiments/{quote(experiment)}/report.json"))

    def metrics(self, experiment: str) -> Frame:
        """Return the metric table of the youngest report: one row per metric and variant.

        Where a finding blocks, the verdict of every row is ``not_trusted``, as on the page.
        """
        return Frame(list_rows(self.report(experiment)), COLUMNS)

    def findings(self, experiment: str) -> Frame:
        """Return the checks of the youngest report, passed or not."""
        names = ("code", "severity", "title", "detail", "action")
        found = self.report(experiment).findings
        return Frame([{name: getattr(each, name) for name in names} for each in found], names)

    def links(self, experiment: str) -> Frame:
        """Return the decomposition of the youngest report: one row per variant and link."""
        rows = [
            {"variant": part.variant, **{name: getattr(link, name) for name in link.__struct_fields__}}
            for part in self.report(experiment).links
            for link in part.links
        ]
        return Frame(rows)

    def analyse(self, experiment: str, *, wait_s: float = 300.0) -> Report:
        """Ask for a new report and wait for it.

        Raises:
            UnavailableError: If the worker has not made it in time; it may still come.
        """
        before = self._hash(experiment)
        self._ask("POST", f"/v1/experiments/{quote(experiment)}/analyse")
        deadline = time.monotonic() + wait_s
        while self._hash(experiment) == before:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"no new report of {experiment!r} after {wait_s:.0f} s; is a worker running?"
                )
            time.sleep(_POLL_S)
        return self.report(experiment)

    def quality(self) -> Mapping[str, Frame]:
        """Return the data-quality board: volumes, arrivals, refusals, strangers and notices."""
        board = json.loads(self._ask("GET", "/v1/quality"))
        return {name: Frame(rows) for name, rows in board.items() if isinstance(rows, list)}

    def failed_events(self) -> Frame:
        """Return the refused events, the youngest first."""
        rows: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            asked = {"limit": 500, **({"before": page["next"]} if page["next"] else {})}
            page = json.loads(self._ask("GET", f"/v1/failed-events?{urlencode(asked)}"))
            rows += page["items"]
        return Frame(rows)

    def _hash(self, experiment: str) -> str:
        """Return the name of the youngest report; empty where there is none."""
        try:
            return self._send("GET", f"/v1/experiments/{quote(experiment)}/report")[1]
        except NotFoundError:
            return ""

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the definitions of all pages."""
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": "200", **({"cursor": cursor} if cursor else {})}
            page = json.loads(self._ask("GET", f"{path}?{urlencode(asked)}"))
            yield from page["items"]
            cursor = page["next_cursor"]

    def _ask(self, method: str, path: str) -> bytes:
        """Return the body of an answer."""
        return self._send(method, path)[0]

    def _send(self, method: str, path: str) -> tuple[bytes, str]:
        """Return the body of an answer and its ETag."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        request = Request(self._url + path, method=method, headers=headers)  # noqa: S310  # the scheme was checked
        try:
            with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                return answer.read(), str(answer.headers.get("ETag", ""))
        except HTTPError as error:
            raise _explain(error) from error
        except (URLError, TimeoutError) as error:
            raise UnavailableError(
                f"{self._url} does not answer: {getattr(error, 'reason', error)}"
            ) from error


def _explain(error: HTTPError) -> AbplatError:
    """Turn a refusal into the error of ours that it stands for."""
    try:
        problem = json.loads(error.read())
    except ValueError:
        problem = {}
    said = problem.get("detail") if isinstance(problem, dict) else None
    detail = str(said or _SENTENCES.get(error.code, f"status {error.code}"))
    if error.code == 404:
        return NotFoundError(detail)
    if error.code in {400, 401, 403, 422}:
        return InvalidInputError(detail)
    return UnavailableError(detail)
