"""Job: send the messages whose time has come, to webhooks and by mail.

A message is sent outside of any transaction and noted afterwards: a worker that dies in between
sends it again, under the same id.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy.orm import Session

from abplat.jobs.context import JobContext, Outcome
from abplat.services import webhooks

_LETTERS_OF_ONE_RUN = 10


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:  # noqa: ARG001  # the shape of all jobs
    """Send some messages."""
    now = context.clock()
    with context.sessions() as session:
        letters = webhooks.list_letters(session, now, _LETTERS_OF_ONE_RUN)
    if not letters:
        return Outcome()
    with ThreadPoolExecutor(len(letters)) as pool:  # one slow receiver keeps nobody waiting
        sent = list(pool.map(lambda letter: webhooks.send(letter, context.settings, now), letters))

    def publish(session: Session) -> None:
        for each in sent:
            webhooks.note(session, each, now=now)

    n_good = sum(each.is_good for each in sent)
    return Outcome(f"{n_good} of {len(sent)} messages sent", publish)
