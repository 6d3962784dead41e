"""The pages as a browser without script gets them."""

from __future__ import annotations

import csv
import gzip
import io
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from abplat.domain.report import Report, encode_report
from abplat.web.safety import POLICY
from tests.web import report_factory as factory
from tests.web.page_app import experiment, make_app
from tests.web.report_metrics import no_effect

HOSTILE = '"><script>alert(1)</script>{{7*7}}\u202e<img src=x onerror=y>'
DRAFT = experiment(factory.make_report(), key="idea", title="An idea", state="draft", started_at=None)
WAITING = experiment(factory.make_report(), key="waiting", title="Waiting", state="running")


def client(*reports: Report) -> FlaskClient:
    """Make a client of an app that shows these reports."""
    return make_app(list(reports) or None, [DRAFT, WAITING]).test_client()


def get(path: str, *reports: Report) -> str:
    """Fetch a page that must exist."""
    answer = client(*reports).get(path)

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def result(report: Report) -> str:
    """Fetch the result page of a report."""
    return get(f"/projects/shop/experiments/{report.experiment.key}", report)


class Tags(HTMLParser):
    """Collects the tags, attributes and visible words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep visible words."""
        self.words.append(data)


@pytest.mark.parametrize("path", ["/", "/projects/shop/experiments/trap", "/projects/shop/journeys/buy"])
def test_every_page_carries_the_strict_policy(path: str) -> None:
    """No script, no style attribute, nothing from elsewhere."""
    answer = client().get(path)
    tags = Tags(answer.get_data(as_text=True)).tags

    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Referrer-Policy" in answer.headers
    assert not any(tag in {"script", "style"} or "style" in attributes for tag, attributes in tags)
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)


def test_result_page_has_its_parts_in_order() -> None:
    """From the decision down to what the numbers depend on."""
    page = result(factory.make_report())
    order = ["Ship it", "Can the numbers be trusted", "We believe", "What changed", "Goal", "Guardrails", "Secondary",
             "Explain, never decide", "Did a touchpoint win", "An accounting of the total effect", "The journey, ",
             "How long it takes", "How the journeys ended", "Download CSV"]  # fmt: skip
    place = 0
    for words in order:
        assert words in page[place:]

        place = page.index(words, place)


def test_trap_says_in_words_that_it_must_not_ship() -> None:
    """The touchpoint won and the journey lost."""
    page = result(factory.make_trap())

    assert "Do not ship: the touchpoint won, the journey lost." in page
    assert "Won here, lost there" in page
    assert "past its margin of" in page


def test_blocking_finding_withholds_every_verdict_word() -> None:
    """Even where the report still carried one."""
    base = factory.make_blocked()
    page = result(msgspec.structs.replace(base, verdicts=factory.make_report().verdicts))
    words = re.findall(r'class="tag[^>]*>.*?</svg>([^<]+)<', page)

    assert "Ship it" not in page
    assert not {"Better", "Worse", "Inconclusive"} & set(words)
    assert "Not trusted" in words


@pytest.mark.parametrize(
    "make", [factory.make_report, factory.make_trap, factory.make_blocked, factory.make_empty]
)
def test_no_page_says_none_or_nan(make: Any) -> None:
    """A missing number is a reason in words."""
    words = " ".join(Tags(result(make())).words)

    assert not re.search(r"\b(None|nan|NaN|inf|null)\b", words)


def test_missing_effect_shows_its_reason() -> None:
    """In place of the number."""
    report = factory.make_report()
    goal = msgspec.structs.replace(report.metrics[0], effects=(no_effect("too_few_units"),))
    page = result(msgspec.structs.replace(report, metrics=(goal, *report.metrics[1:])))

    assert "too few customers to say" in page
    assert "Not computable" in page


def test_hostile_names_are_shown_as_text() -> None:
    """Wherever a name can stand."""
    document = encode_report(factory.make_trap()).decode()
    for name in ("Buy a tent", "Ada Martin", "Shorter form", "Ask for a quote", "Quote form sent", "Journey completed",
                 "contact_centre", "Split as planned"):  # fmt: skip
        document = document.replace(name, HOSTILE.replace('"', '\\"'))
    report = msgspec.json.decode(document.encode(), type=Report)
    page = result(report)
    tags = Tags(page).tags

    assert "49" not in re.findall(r"script>(\d+)", page)
    assert not any(tag in {"script", "img"} for tag, _ in tags)
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("key", "said"),
    [("idea", "Not started"), ("waiting", "No report yet"), ("empty", "No exposures are arriving")],
)
def test_empty_states_say_which_one_it_is(key: str, said: str) -> None:
    """Three reasons, three pages."""
    assert said in get(f"/projects/shop/experiments/{key}")


def test_list_shows_state_reason_verdict_and_next_step() -> None:
    """For every experiment, in words."""
    words = " ".join(" ".join(Tags(get("/")).words).split())

    for said in ("Outdoor shop", "Conflict", "Read where the journey loses customers", "Split not as planned",
                 "Not trusted", "Draft", "Check the plan and start it", "13,312"):  # fmt: skip
        assert said in words


def test_list_without_experiments_says_how_to_begin() -> None:
    """The first page a new user sees."""
    page = make_app([], []).test_client().get("/").get_data(as_text=True)

    assert "abplat apply" in page


def test_journey_page_says_the_definition_in_words() -> None:
    """Stages, rules, use and the latest map."""
    words = " ".join(" ".join(Tags(get("/projects/shop/journeys/buy")).words).split())

    for said in ("It starts with \u201cVisit\u201d", "configure by Web or App", "where product is tent or tarp",
                 "It is aborted by cancel", "Shorter quote form", "What a variant changes"):  # fmt: skip
        assert said in words


@pytest.mark.parametrize("path", ["/projects/shop/experiments/nope", "/projects/no/experiments/trap",
                                  "/projects/shop/experiments/idea/report.csv"])  # fmt: skip
def test_what_is_missing_gets_a_page_for_people(path: str) -> None:
    """With the reason and a way back."""
    answer = client().get(path)

    assert answer.status_code == 404
    assert "This does not exist" in answer.get_data(as_text=True)
    assert "Go to the experiments" in answer.get_data(as_text=True)


def test_report_of_another_version_is_refused_in_words() -> None:
    """And not with a traceback."""
    app = make_app()

    class Old:
        def __enter__(self) -> Any:
            from abplat.web.sources import read_stored

            read_stored(b'{"schema_version": 0}')

        def __exit__(self, *_: object) -> None:
            """Nothing to close."""

    app.extensions["abplat.source"] = Old
    answer = app.test_client().get("/")

    assert answer.status_code == 409
    assert "ask for a new analysis" in answer.get_data(as_text=True)


def test_unexpected_fault_is_hidden_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The text stays in the log."""
    app = make_app()
    app.extensions["abplat.source"] = lambda: 1 / 0
    answer = app.test_client().get("/")

    assert answer.status_code == 500
    assert "division" not in answer.get_data(as_text=True)
    assert "division" in caplog.text


def test_json_download_is_the_stored_document() -> None:
    """Byte for byte."""
    report = factory.make_trap()
    answer = client(report).get("/projects/shop/experiments/trap/report.json")

    assert answer.data == encode_report(report)
    assert "attachment" in answer.headers["Content-Disposition"]


def test_csv_download_has_one_row_per_metric_and_variant() -> None:
    """And the numbers of the report."""
    report = factory.make_trap()
    text = client(report).get("/projects/shop/experiments/trap/report.csv").get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(rows) == sum(len(metric.values) for metric in report.metrics)
    assert float(rows[1]["rel_effect"]) == report.metrics[0].effects[0].rel_effect
    assert rows[1]["decision"] == "conflict"


@pytest.mark.parametrize("key", ["shorter-form", "trap", "blocked", "empty"])
def test_page_and_style_sheet_fit_the_budget(key: str) -> None:
    """At most 60 KB on the wire at first load."""
    answer = client().get(f"/projects/shop/experiments/{key}", headers={"Accept-Encoding": "gzip"})
    sheet = re.findall(r'href="(/assets/[^"]+)"', gzip.decompress(answer.data).decode())[0]
    with client().get(sheet) as style:
        size = len(style.data)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert size <= 14_336
    assert len(answer.data) + size <= 60_000


def test_page_is_the_same_without_compression() -> None:
    """Where the browser does not ask for it."""
    path = "/projects/shop/experiments/trap"
    visitor = client()
    visitor.get(path)  # from here on the forms of this visitor carry one token
    packed = visitor.get(path, headers={"Accept-Encoding": "gzip"}).data

    assert gzip.decompress(packed) == visitor.get(path).data
