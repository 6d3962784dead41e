"""How to look at a check yourself and how to fix what it found: one guide per check."""

from __future__ import annotations

from typing import Final, NamedTuple


class Guide(NamedTuple):
    """What to ask of the facts, and what to try."""

    query: str = ""
    """SQL over the tables of the lake; ``{key}`` is the experiment."""
    fixes: tuple[str, ...] = ()
    part: str = ""
    """The section of the report that has the whole picture."""


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
    "identity",
)
_DRAWN: Final = Guide(
    "SELECT experiment, variant, count(DISTINCT actor) FROM exposures WHERE experiment = '{key}' GROUP BY ALL",
    (
        "Add groups: more customers in the same groups do not help.",
        "Name the group and the customer with each exposure.",
    ),
)
_EARLIER: Final = (
    "SELECT phase, variant, count(DISTINCT actor) FROM exposures WHERE experiment = '{key}' GROUP BY ALL"
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
    "shared_ids": Guide(
        "SELECT a, count(DISTINCT b) AS joined FROM aliases GROUP BY a HAVING joined > 1 ORDER BY joined DESC",
        ("Send the customer's own id with every contact at a shared device.",),
        "identity",
    ),
    "refused_links": Guide(
        "SELECT a, b, source, ts_us FROM aliases ORDER BY ts_us DESC",
        ("Look for the source that joins different customers.",),
        "identity",
    ),
    "limited_ids": Guide(
        "SELECT a, count(DISTINCT b) AS joined FROM aliases GROUP BY a ORDER BY joined DESC",
        ("Raise the limit of the type only if one customer can really have so many.",),
        "identity",
    ),
    "unidentified_ids": Guide(
        "SELECT split_part(actor, ':', 1) AS kind, count(DISTINCT actor) FROM exposures WHERE experiment = '{key}' GROUP BY kind",
        ("Identify customers earlier, or draw by the id that every contact has.",),
        "identity",
    ),
    "cluster_ids": Guide(
        "SELECT split_part(actor, ':', 1) AS kind, count(DISTINCT actor) FROM touchpoints GROUP BY kind",
        (),
        "identity",
    ),
    "overrides": Guide(
        "SELECT actor, variant, ts_us FROM exposures WHERE experiment = '{key}' AND reason = 'override'",
        ("Take test units out of the overrides when the test begins.",),
    ),
    "phase": Guide(_EARLIER, ()),
    "deviations": Guide("", ("Read the history below: who changed what, when and why.",)),
    "clustered": _DRAWN,
    "no_cluster": _DRAWN,
    "novelty": Guide("", ("Run longer, and decide on the effect of the last days.",), "maturity"),
    "weeks": Guide(
        "SELECT day, variant, count(DISTINCT actor) FROM exposures WHERE experiment = '{key}' GROUP BY ALL",
        ("Look on the timeline for a release, an outage or a campaign in the week that differs.",),
        "maturity",
    ),
    "interaction": Guide(
        "",
        ("Test it again among those who gain before treating kinds of customers differently.",),
        "breakdowns",
    ),
    "qualitative_interaction": Guide(
        "", ("Find out for whom it helps and whom it hurts before shipping to all.",), "conflict_scan"
    ),
    "simpson": Guide(
        _SPLIT.query,
        ("Look for an allocation that changed under way, and judge the parts.",),
        "conflict_scan",
    ),
    "response_bias": Guide(
        "SELECT name, channel, count(*), avg(value) FROM scores GROUP BY ALL",
        ("Ask all alike, and read the bounds rather than the answers.",),
        "scores",
    ),
    "paths": Guide(
        "SELECT actor, list(channel ORDER BY ts_us) FROM touchpoints GROUP BY actor",
        ("Read the table of paths, and what the channels cost.",),
        "paths",
    ),
    "channels": Guide(
        "SELECT channel, max(ts_us), count(*), avg(received_us - ts_us) FROM touchpoints GROUP BY channel",
        ("Find the channel that has stopped to send, on the data-quality board.",),
    ),
    "pre_period": Guide("", (), "estimates"),
    "covariate_imbalance": Guide(
        _SPLIT.query,
        (
            "Begin again with a new draw (a new phase): the present one has put different customers into the arms.",
        ),
        "estimates",
    ),
    "covariate_singular": Guide("", (), "estimates"),
    "covariate_dropped": Guide("", (), "estimates"),
    "strata_merged": Guide("", (), "estimates"),
    "strata_dropped": Guide("", (), "estimates"),
    "denominator_moved": Guide(
        "", ("Read numerator and denominator on their own before the ratio.",), "estimates"
    ),
    "negative_control": Guide("", ("Read the change in the metric's own unit.",), "estimates"),
    "exact_test_disagrees": Guide(
        "", ("Wait for more customers: with so few, two right ways differ.",), "estimates"
    ),
    "normal_interval_unreliable": Guide(
        "", ("Cap the metric in its definition, or split the traffic equally.",), "estimates"
    ),
    "non_proportional_hazards": Guide("", ("Read the curves rather than one number.",), "maturity"),
    "missing_by_arm": Guide("", ("Find out why values go missing in one arm.",), "scores"),
    "days_left": Guide("", ("Nothing to do: the planner says how long is enough.",)),
    "peeking": Guide("", ("Nothing to do: look as often as you like, and decide at the planned end.",)),
}
