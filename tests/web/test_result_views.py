"""The result page as readers ask for it: views, looks, history, shares, decisions."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from flask.testing import FlaskClient

from abplat.clock import parse_instant
from abplat.domain.report import Report, encode_report, hash_report
from abplat.domain.report_digest import read_digest
from abplat.services.history import Deed
from abplat.services.reports import Look
from abplat.web.health import list_cards
from abplat.web.looks import make_lifts
from abplat.web.report_sources import Record
from abplat.web.result import make_page
from abplat.web.result_words import list_history
from abplat.web.scorecard import make_scorecard
from abplat.web.totals import make_totals
from abplat.web.view_options import ViewOptions, read_options
from tests.web import report_factory as factory
from tests.web.page_app import make_app
from tests.web.test_any_report import with_third_arm

PATH = "/projects/shop/experiments/shorter-form"
HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}{% for x in y %}",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    "\U0001f3d5\ufe0f a tent \U0001f469\u200d\U0001f469\u200d\U0001f467",
    "W" * 256,
    '"><img src=x onerror=alert(1)>',
]


def visitor(report: Report | None = None) -> FlaskClient:
    """Visit an app that shows one report."""
    return make_app([report or factory.make_report()]).test_client()


def rows(report: Report, **options: str) -> list[tuple[str, str, str]]:
    """Return title, change and verdict of every row of a view."""
    card = make_scorecard(report, ViewOptions(**options))
    return [(row.title, row.change, row.word.text) for block in card.blocks for row in block.rows]


def test_a_view_is_a_plain_address() -> None:
    """Sorted, filtered, on another scale, without a script."""
    page = visitor().get(f"{PATH}?show=touchpoint&scale=per_1000&sort=name").get_data(as_text=True)

    assert "per 1,000 customers" in page
    assert "Explain, never decide." in page
    assert "Must be shown no worse than their margin." not in page
    assert 'value="per_1000" selected' in page


@pytest.mark.parametrize(
    "query",
    ["scale=x&sort=y&show=z", "arm=nobody&baseline=none", "find=%00%ff", "arm=control&baseline=control"],
)
def test_a_view_that_is_not_known_is_the_usual_one(query: str) -> None:
    """An old link still opens."""
    assert visitor().get(f"{PATH}?{query}").status_code == 200
    assert read_options({"scale": "x", "arm": "control"}, factory.make_report()) == ViewOptions()


def test_scales_multiply_the_same_effect() -> None:
    """Per 1,000 customers is a thousand times the difference, and the verdict stays."""
    report = factory.make_report()
    effect = report.metrics[0].effects[0].effect or 0.0
    (relative, absolute, thousand) = (
        rows(report, scale=scale, show="primary")[0] for scale in ("relative", "absolute", "per_1000")
    )

    assert absolute[1].endswith("pts")
    assert thousand[1] == f"+{1_000 * effect:.1f} per 1,000 customers"
    assert relative[2] == absolute[2] == thousand[2] == "Better"


def test_a_turned_baseline_turns_effect_and_verdict() -> None:
    """Control against the variant, exactly: a ratio turns over."""
    report = factory.make_report()
    effect = report.metrics[0].effects[0]
    card = make_scorecard(report, ViewOptions(baseline="treatment"))
    row = card.blocks[0].rows[0]

    assert card.baseline == "Shorter form"
    assert row.word.text == "Worse"
    assert row.bar is not None
    assert row.bar.point == pytest.approx(1 / (1 + (effect.rel_effect or 0)) - 1)
    assert row.bar.lower == pytest.approx(1 / (1 + (effect.rel_ci_upper or 0)) - 1)


def test_two_treatments_are_not_tested_against_each_other() -> None:
    """The report holds no such test, so the page says so and shows the points."""
    report = with_third_arm(factory.make_report())
    found = rows(report, baseline="treatment", arm="third")

    assert {word for _, _, word in found} == {"Not tested"}
    assert len(rows(report, arm="third")) == len(rows(report)) // 2


def test_rows_are_sorted_and_filtered_within_their_blocks() -> None:
    """By the size of the change, by name, and only the clear ones."""
    report = factory.make_report()
    named = [title for title, _, _ in rows(report, show="touchpoint", sort="name")]

    assert named == sorted(named, key=str.casefold)
    assert all(word in ("Better", "Worse") for _, _, word in rows(report, show="clear"))
    assert rows(report, find="no such metric") == []
    assert "No metric fits this choice." in visitor().get(f"{PATH}?find=zzz").get_data(as_text=True)


def record(report: Report) -> Record:
    """Make three looks, the settings changed before the last, and a pause between."""
    looks = []
    for week, name in ((2, "a"), (1, "a"), (0, "b")):
        at = parse_instant(report.inputs.as_of) - timedelta(weeks=week)
        inputs = msgspec.structs.replace(
            report.inputs, as_of=at.isoformat().replace("+00:00", "Z"), definitions_hash=name
        )
        document = encode_report(msgspec.structs.replace(report, inputs=inputs))
        looks.append(Look(at, at, hash_report(document), read_digest(document)))
    paused = parse_instant(report.inputs.as_of) - timedelta(days=3)
    deed = Deed(paused, "user:ada@example.com", "pause", {}, {"reason": "the shop was down"})
    return Record(looks, 3, [deed])


def test_lift_over_time_is_dotted_where_settings_changed() -> None:
    """And what people did is marked, with a list below."""
    report = factory.make_report()
    (panel,) = make_lifts(report, record(report))

    assert len(panel.rows) == 3
    assert panel.n_changed == 1
    assert panel.picture.count("stroke-dasharray") == 2
    assert panel.notes[0][1].endswith("paused it: everybody got control (the shop was down)")


def test_a_look_of_the_past_shows_no_later_look() -> None:
    """The page of a point in time does not know the future."""
    report = factory.make_report()
    life = record(report)
    earlier = msgspec.structs.replace(
        report, inputs=msgspec.structs.replace(report.inputs, as_of="2026-03-16T06:00:00Z")
    )
    (panel,) = make_lifts(earlier, life)

    assert len(panel.rows) == 2


def test_history_has_looks_changes_and_decisions() -> None:
    """Youngest first, with who and why."""
    report = factory.make_report()
    life = record(report)
    kept = Deed(life.looks[-1].as_of, "local", "keep", {}, {"note": "wait", "override": "the board"})
    found = list_history(life._replace(deeds=[*life.deeds, kept]), life.looks[0].hash)

    assert [row.kind for row in found].count("Look") == 3
    assert found[-1].is_current
    assert next(row for row in found if row.kind == "Decision").note == "wait \u00b7 the board"


def test_every_check_that_counts_has_a_picture_and_a_way_to_fix_it() -> None:
    """A broken split shows plan and count, the query and the causes."""
    card = next(each for each in list_cards(factory.make_blocked()) if each.code == "sample_ratio")

    assert [caption for caption, _ in card.pictures] == ["Planned", "Seen"]
    assert "WHERE experiment = 'blocked'" in card.query
    assert card.fixes
    assert {"freshness", "peeking"} <= {each.code for each in list_cards(factory.make_report())}


def test_totals_scale_the_goal() -> None:
    """Per customer, per thousand, per month and of everybody seen."""
    (totals,) = make_totals(factory.make_report())

    assert [row.name for row in totals.rows][:2] == ["Per customer", "Per 1,000 customers"]
    assert any("a month" in row.amount for row in totals.rows)
    assert make_totals(factory.make_empty()) == () or make_totals(factory.make_empty())[0].rows


def test_a_report_of_the_past_has_an_address_of_its_own() -> None:
    """By its hash or its first letters; a wrong one is not found."""
    report = factory.make_report()
    name = hash_report(encode_report(report))
    client = visitor(report)

    assert "Shorter quote form" in client.get(f"{PATH}/reports/{name[:12]}").get_data(as_text=True)
    assert client.get(f"{PATH}/reports/{'0' * 64}").status_code == 404
    assert f"/reports/{name}" in client.get(PATH).get_data(as_text=True)


def test_the_page_as_one_file_needs_nothing_else() -> None:
    """No link, no form, no address of anything that would be fetched."""
    answer = visitor().get(f"{PATH}/report.html")
    page = answer.get_data(as_text=True)

    assert "attachment" in answer.headers["Content-Disposition"]
    assert not re.search(r"<(a|form|link|script|img|iframe)\b", page)
    assert "<style>" in page
    assert "How it looked over time" in page
    assert len(page) < 400_000


def test_decision_form_is_for_those_who_may() -> None:
    """It carries the token and the report that was read; without a platform nothing is decided."""
    page = visitor(factory.make_blocked()).get("/projects/shop/experiments/blocked").get_data(as_text=True)
    form = page[page.index('id="decide"') : page.index("</form>", page.index('id="decide"'))]

    assert 'name="form_token"' in form
    assert 'name="override"' in form
    assert re.findall(r'name="ruling" value="(\w+)"', form) == ["ship", "roll_back", "keep"]
    assert visitor().post(f"{PATH}/decide", data={"ruling": "ship"}).status_code == 400


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "template", "rtl", "emoji", "long", "attribute"])
def test_hostile_names_are_text(name: str) -> None:
    """In titles, variants, metrics and stages; on the page, in its file and in the brief."""
    report = factory.make_report()
    facts = msgspec.structs.replace(
        report.experiment,
        title=name,
        hypothesis=name,
        owner=name,
        variants=tuple(
            msgspec.structs.replace(arm, title=name + arm.key) for arm in report.experiment.variants
        ),
    )
    metrics = tuple(msgspec.structs.replace(metric, title=name) for metric in report.metrics)
    stages = tuple(msgspec.structs.replace(stage, title=name) for stage in report.journey.stages)
    journey = msgspec.structs.replace(report.journey, title=name, stages=stages)
    hostile = msgspec.structs.replace(report, experiment=facts, metrics=metrics, journey=journey)
    client = visitor(hostile)
    for path in ("", "/report.html", "/brief", "/brief?lang=fr", "/brief.html"):
        page = client.get(PATH + path).get_data(as_text=True)

        assert "<script" not in page
        assert "<img" not in page
        assert ">49<" not in page
        assert "onerror=" not in re.sub(r'&#34;|&lt;[^&]*|"[^"]*"', "", page)


def test_same_report_and_record_give_the_same_page() -> None:
    """A stored report is shown alike every time."""
    report = factory.make_report()
    pages = [make_page(report, "h", record(report)) for _ in range(2)]

    assert str(pages[0]) == str(pages[1])
