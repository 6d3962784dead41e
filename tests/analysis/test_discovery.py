"""Discovery: typical journeys and unknown touchpoints out of events."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from abplat.analysis.discovery import Known, discover
from abplat.analysis.journeys.encode import code
from abplat.analysis.proposals import Episodes, propose
from abplat.clock import parse_instant, to_micros
from abplat.config import Settings
from abplat.domain.discoveries import Discovery, find_readers, make_key
from abplat.domain.journeys import parse_journey
from abplat.facts.rows import AliasRow, TouchpointRow

from .event_logs import read_log
from .simulated import AS_OF, DAY, HOUR, JOURNEY, START, Shop

T0 = to_micros(START)


def wander(folder: Path, n: int = 400, known: Known | None = None) -> Discovery:
    """Let customers visit, mostly ask, sometimes buy, and read pages in between; all start anonymous."""
    chance, shop = random.Random(2), Shop(folder)

    def tell(i: int, place: int, actor: str, name: str, at: int, channel: str = "web") -> None:
        shop.touchpoints.append(TouchpointRow(f"t{i}-{place}", actor, name, at, channel))

    for i in range(1, n + 1):  # 0 is a blocked value
        at = T0 + int(chance.random() * 10 * DAY)
        tell(i, 0, f"anon:{i}", "visit", at)
        if chance.random() < 0.2:
            tell(i, 1, f"anon:{i}", "faq", at + HOUR)
        if chance.random() < 0.6:
            tell(i, 2, f"anon:{i}", "compare", at + 2 * HOUR)
            tell(i, 3, f"anon:{i}", "ask for a quote", at + 3 * HOUR)
            if chance.random() < 0.7:
                shop.aliases.append(AliasRow(f"a{i}", f"anon:{i}", f"cust:{i}", at + 4 * HOUR, "login"))
                tell(i, 4, f"cust:{i}", "purchase", at + int((1 + chance.random()) * DAY), "store")
        if chance.random() < 0.3:
            tell(i, 5, f"anon:{i}", "visit", at + 60 * DAY)
    as_of = AS_OF + timedelta(days=60)
    return discover(shop.write(), "shop", as_of, Settings(data_dir=folder), known)


def test_the_planted_journey_is_proposed_first(tmp_path: Path) -> None:
    """From visit to purchase, over ids and channels, valid and ready to edit."""
    found = wander(tmp_path)
    first = found.proposals[0]
    definition = parse_journey(first.definition)

    assert definition.stage_keys == ("visit", "compare", "ask-for-a-quote", "purchase")
    assert not any(stage.optional for stage in definition.stages)
    assert first.definition["window"] in {"47h", "48h", "2d"}
    assert first.n_completed > 0.9 * 0.42 * 400 * 0.9
    assert first.n_started > 400
    assert found.n_customers == 400


def test_entries_ends_and_paths_are_counted_by_episode(tmp_path: Path) -> None:
    """A visit after two months begins anew."""
    found = wander(tmp_path)

    assert found.entries[0].event == "visit"
    assert found.entries[0].n == found.n_episodes > 400
    assert found.ends[0].n + sum(each.n for each in found.ends[1:]) == found.n_episodes
    assert next(each for each in found.ends if each.event == "purchase").n_with == pytest.approx(168, abs=25)
    assert sum(path.n for path in found.paths) <= found.n_episodes
    assert not found.is_sample


def test_touchpoints_that_nobody_registered_are_listed(tmp_path: Path) -> None:
    """With the journeys that read them all the same."""
    known = Known([{"event": "visit", "channel": "web"}], {"buy": JOURNEY})
    found = {(each.event, each.channel): each for each in wander(tmp_path, 100, known).unknown_touchpoints}

    assert ("visit", "web") not in found
    assert found["purchase", "store"].journeys == ("buy",)
    assert found["faq", "web"].journeys == ()
    assert found["compare", "web"].n_events == found["compare", "web"].n_ids


def test_a_project_without_events_has_nothing_to_discover(tmp_path: Path) -> None:
    """No proposal, no fault."""
    found = discover(Shop(tmp_path).write(), "shop", AS_OF, Settings(data_dir=tmp_path))

    assert (found.n_events, found.proposals, found.paths, found.unknown_touchpoints) == (0, (), (), ())


def test_a_matcher_reads_an_event_in_its_channels_only() -> None:
    """One, a list, or any."""
    journeys = {
        key: {"stages": [{"match": [{"event": "call", **extra}]}]}
        for key, extra in (("a", {}), ("b", {"channel": "phone"}), ("c", {"channel": ["web", "app"]}))
    }

    assert find_readers("call", "phone", journeys) == ("a", "b")
    assert find_readers("call", None, journeys) == ("a",)
    assert make_key("###") == "event"


def episodes_of(log: str, keep: Callable[[dict[str, str]], bool]) -> Episodes:
    """Return the cases of a public log as episodes."""
    rows = [row for row in read_log(log) if keep(row)]
    case, _ = code(row["case_id"] for row in rows)
    name, names = code(row["activity"] for row in rows)
    ts = np.array([to_micros(parse_instant(row["ts"])) for row in rows], np.int64)
    order = np.lexsort((np.arange(len(rows)), ts, case))
    return Episodes.make(case[order].astype(np.int64), ts[order], name[order].astype(np.int64), names)


def test_a_real_log_of_loans_gives_journeys_that_begin_with_the_application() -> None:
    """BPI Challenge 2012: every application begins with A_SUBMITTED."""
    found = propose(episodes_of("bpic2012", lambda row: row["lifecycle"] == "COMPLETE"), 5)

    assert len(found) >= 3
    for document, _ in found:
        assert document["stages"][0]["match"] == [{"event": "A_SUBMITTED"}]
        parse_journey(document)
    ends = {document["stages"][-1]["match"][0]["event"] for document, _ in found}
    assert "A_DECLINED" in ends


def test_a_real_log_of_a_help_desk_ends_with_the_ticket_closed() -> None:
    """Polato 2017: tickets are closed at last."""
    (document, _), *_ = propose(episodes_of("helpdesk", lambda _: True), 1)

    assert document["stages"][-1]["match"] == [{"event": "Closed"}]
