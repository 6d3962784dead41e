"""How to look at a check yourself and how to fix what it found: one guide per check."""

from __future__ import annotations

from typing import Final, NamedTuple


class Guide(NamedTuple):
    """What to ask of the facts, and what to try."""

    query: str = ""
    """SQL over the tables of the lake; ``{key}`` is the experiment."""
    fixes: tuple[str, ...] = ()


_SPLIT: Final = Guide(
    "SELECT variant, channel, day, count(DISTINCT actor) FROM exposures WHERE experiment = '{key}' GROUP BY ALL",
    (
        "Find the channel and day in which the split goes wrong: there lies the cause.",
        "A redirect before the exposure is sent loses customers of one variant: send it first.",
        "A bot filter or an error page in one variant drops its customers: compare refused events.",
        "Weights changed under way: begin a new phase, so that earlier customers are left out.",
    ),
)
_IDS: Final = Guide(
    "SELECT source, count(*) FROM aliases GROUP BY source",
    (
        "Compare what each variant does at log-in: the one that asks more often joins more ids.",
        "Read the goal over assigned ids in the identity part; it does not depend on the joins.",
    ),
)
GUIDES: Final[dict[str, Guide]] = {
    "sample_ratio": _SPLIT,
    "no_exposures": Guide(
        _SPLIT.query,
        (
            "Check that the SDK of each channel has a key of this project and reaches this server.",
            "Check that it sends an exposure when a customer really meets the variant.",
            "Look for refused events: they are kept with the reason why.",
        ),
    ),
    "crossover": Guide(
        "SELECT actor, count(DISTINCT variant) AS met FROM exposures WHERE experiment = '{key}' GROUP BY actor HAVING met > 1",
        (
            "Most often an anonymous id is joined to a customer after both had a variant: identify earlier.",
            "A shared device needs the customer's own id with every contact.",
        ),
    ),
    "too_few": Guide("", ("Wait: nothing needs to be changed. The planner says how long.",)),
    "immature": Guide(
        "SELECT variant, min(ts_us), max(ts_us) FROM exposures WHERE experiment = '{key}' GROUP BY variant",
        (),
    ),
    "coherence": Guide(
        "SELECT actor, list(DISTINCT channel), list(DISTINCT variant) FROM exposures WHERE experiment = '{key}' GROUP BY actor",
        ("Find the channel that decides by another id than the others, and give it the customer's id.",),
    ),
    "coherence_drift": Guide("", ("Look for what was released in that week: an SDK, a channel, a log-in.",)),
    "coherence_source": Guide("", ("Compare the unit that decides there with that of the other channels.",)),
    "coverage": Guide(
        "SELECT channel, count(*) FROM exposures WHERE experiment = '{key}' GROUP BY channel",
        ("Check that the channel asks for the decision and records the exposure when it shows the variant.",),
    ),
    "identification": _IDS,
    "merge_rate": _IDS,
    "identity_sensitivity": _IDS,
    "freshness": Guide(
        "SELECT channel, max(received_us), count(*) FROM touchpoints GROUP BY channel",
        ("Find the channel that has stopped to send, on the data-quality board.",),
    ),
    "unknown_variant": Guide(_SPLIT.query, ("Correct the variant key where the exposure is sent.",)),
    "conflict": Guide("", ("Read the links below: where the journey loses customers after the touchpoint.",)),
}
