"""The rows of the metric catalogue, as plain documents: ``abplat.domain.metric_kinds`` reads them."""

from __future__ import annotations

from typing import Any, Final

_EVENTS = ("window", "delay", "cap")
_WHERE = ("from_channel", "to_channel")
_PROPORTION = "difference of proportions; score interval for small tables"
_MEAN = "Welch, covariate where one is known, capped at a pooled quantile where asked"
_RATIO = "ratio of sums, delta method over customers"
_TIME = "Kaplan-Meier, difference of restricted means up to the horizon"
_SCORE = "one answer per customer, the first in the window"
_N = "N"

JOURNEY_ROWS: Final[list[dict[str, Any]]] = [
    {"key": "completion", "counts": "customers with a completed journey", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "needs": ("journey",)},
    {"key": "start", "counts": "customers who started a journey", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "needs": ("journey",)},
    {"key": "reach", "counts": "customers who reached a stage", "denominator": _N,
     "treatment": _PROPORTION + "; Holm over the stages", "unit": "share", "needs": ("journey", "stage")},
    {"key": "completion_per_journey", "counts": "completed journeys", "denominator": "journeys",
     "treatment": _RATIO, "unit": "share", "needs": ("journey",)},
    {"key": "time_to_complete", "counts": "time from exposure to the first completion; others censored",
     "denominator": "everyone exposed", "treatment": _TIME, "unit": "seconds", "direction": "down",
     "needs": ("journey",), "margin": 0.05},
    {"key": "stage_latency", "counts": "time from start to completion", "denominator": "completed journeys",
     "treatment": "quantile, clustered by customer", "unit": "seconds", "direction": "down",
     "needs": ("journey",), "may": ("quantile",), "is_descriptive": True},
    {"key": "effort", "counts": "touchpoints of journeys", "denominator": _N, "treatment": _MEAN,
     "unit": "count", "direction": "down", "needs": ("journey",), "may": ("cap",), "margin": 0.05},
    {"key": "effort_per_completion", "counts": "touchpoints of completed journeys",
     "denominator": "completed journeys", "treatment": _RATIO, "unit": "count", "direction": "down",
     "needs": ("journey",), "is_descriptive": True},
    {"key": "channel_switches", "counts": "changes of channel within journeys; with match, the forced ones recorded",
     "denominator": _N, "treatment": _MEAN, "unit": "count", "direction": "down", "needs": ("journey",),
     "may": ("match", *_EVENTS)},
    {"key": "link_conversion", "counts": "customers with a journey that crosses the link", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "needs": ("journey", "source", "target"), "may": _WHERE},
    {"key": "link_rate", "counts": "customers who cross the link", "denominator": "customers who reached its source",
     "treatment": _RATIO, "unit": "share", "needs": ("journey", "source", "target"), "may": _WHERE,
     "is_descriptive": True},
    {"key": "link_latency", "counts": "time from source to target; others censored at the end of the journey",
     "denominator": "journeys that reached the source", "treatment": "Kaplan-Meier", "unit": "seconds",
     "direction": "down", "needs": ("journey", "source", "target"), "may": _WHERE, "is_descriptive": True},
    {"key": "backtracking", "counts": "customers with a step back, or steps back", "denominator": _N,
     "treatment": f"{_PROPORTION}; mean for count", "unit": "share", "direction": "down", "needs": ("journey",),
     "measures": ("customers", "count"), "margin": 0.05},
    {"key": "recapture", "counts": "customers asked again for a known field, or such requests", "denominator": _N,
     "treatment": f"{_PROPORTION}; mean for count", "unit": "share", "direction": "down", "needs": ("journey",),
     "measures": ("customers", "count"), "margin": 0.0},
    {"key": "abandonment", "counts": "customers whose last journey ended not completed, before the stage if one is named",
     "denominator": _N, "treatment": f"{_PROPORTION}; chi-square over all stages first", "unit": "share",
     "direction": "down", "needs": ("journey",), "may": ("stage",)},
    {"key": "lifecycle_progress", "counts": "highest level of a stage reached within the horizon", "denominator": _N,
     "treatment": "ranks (Wilcoxon-Mann-Whitney) and mean", "unit": "score", "needs": ("journey",),
     "may": ("levels",)},
]  # fmt: skip

CONTACT_ROWS: Final[list[dict[str, Any]]] = [
    {"key": "contacts", "counts": "assisted contacts", "denominator": _N, "treatment": _MEAN, "unit": "count",
     "direction": "down", "may": ("match", "channels", *_EVENTS), "margin": 0.05},
    {"key": "first_contact_resolution", "counts": "journeys resolved with one contact and none on the topic within 7d",
     "denominator": "journeys", "treatment": _RATIO, "unit": "share", "needs": ("journey",),
     "may": ("match", "channels", "property", "within"), "margin": 0.01, "scale": "absolute"},
    {"key": "repeat_contact", "counts": "customers with a second contact on a topic within 7d", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "direction": "down",
     "may": ("match", "channels", "property", "within", "window", "delay"), "margin": 0.03},
    {"key": "avoidable_contacts", "counts": "contacts whose recorded reason is a stage of the journey",
     "denominator": _N, "treatment": _MEAN, "unit": "count", "direction": "down", "needs": ("journey",),
     "may": ("match", "channels", "property", *_EVENTS)},
    {"key": "complaints", "counts": "customers with a complaint within horizon and follow-up", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "direction": "down", "needs": ("match",), "may": ("follow_up",),
     "margin": 0.05},
    {"key": "touchpoint", "counts": "the touchpoint's own measure", "denominator": _N,
     "treatment": f"{_PROPORTION}; mean otherwise; never decides", "unit": "share", "needs": ("match",),
     "may": _EVENTS, "measures": ("customers", "count", "value")},
]  # fmt: skip

OUTCOME_ROWS: Final[list[dict[str, Any]]] = [
    {"key": "value", "counts": "value within the horizon, zeros included", "denominator": _N, "treatment": _MEAN,
     "unit": "value", "may": ("journey", "match", *_EVENTS), "margin": 0.01},
    {"key": "value_per_journey", "counts": "value within the horizon", "denominator": "journeys",
     "treatment": _RATIO, "unit": "value", "needs": ("journey",), "may": ("match", *_EVENTS)},
    {"key": "renewal", "counts": "customers who renewed by their due date",
     "denominator": "customers whose due date, known before exposure, lies within the horizon",
     "treatment": _PROPORTION, "unit": "share", "needs": ("match", "over", "property"), "margin": 0.005,
     "scale": "absolute"},
    {"key": "churn", "counts": "time from exposure to defection; others censored", "denominator": "everyone exposed",
     "treatment": f"{_TIME}, log-rank", "unit": "seconds", "needs": ("match",), "margin": 0.02},
    {"key": "csat", "counts": "answers in the top two", "denominator": "respondents",
     "treatment": f"{_PROPORTION}; {_SCORE}", "unit": "share", "needs": ("score",), "may": ("window", "delay", "bounds"),
     "measures": ("share", "mean"), "margin": 0.01, "scale": "absolute"},
    {"key": "nps", "counts": "+100 for 9 and 10, -100 for 0 to 6", "denominator": "respondents",
     "treatment": f"mean; {_SCORE}", "unit": "points", "needs": ("score",), "may": ("window", "delay", "bounds"),
     "margin": 2.0, "scale": "absolute"},
    {"key": "ces", "counts": "answers from 1 to 7", "denominator": "respondents",
     "treatment": f"ranks (Wilcoxon-Mann-Whitney), proportional odds and mean; {_SCORE}", "unit": "score",
     "needs": ("score",), "may": ("window", "delay", "bounds"), "margin": 0.1, "scale": "absolute"},
    {"key": "emotion", "counts": "sentiment from -1 to 1, or the share of strongly negative ones",
     "denominator": "respondents", "treatment": f"mean; {_SCORE}", "unit": "score", "needs": ("score",),
     "may": ("window", "delay", "bounds"), "measures": ("mean", "share")},
    {"key": "response_rate", "counts": "customers who answered", "denominator": "customers invited",
     "treatment": f"{_PROPORTION}; any difference flags the score as selected", "unit": "share",
     "needs": ("score", "over"), "may": ("window", "delay")},
    {"key": "coherence", "counts": "customers who met one variant everywhere",
     "denominator": "customers exposed in two channels or more", "treatment": _PROPORTION, "unit": "share",
     "is_quality": True, "is_descriptive": True},
    {"key": "coverage", "counts": "exposures served",
     "denominator": "touchpoints in variant-capable channels after the first exposure", "treatment": _RATIO,
     "unit": "share", "may": ("channels",), "is_quality": True, "is_descriptive": True},
    {"key": "crossover", "counts": "customers who met more than one variant", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "direction": "down", "is_quality": True, "is_descriptive": True},
]  # fmt: skip

EVENT_ROWS: Final[list[dict[str, Any]]] = [
    {"key": "count", "counts": "events", "denominator": _N, "treatment": _MEAN, "unit": "count",
     "needs": ("match",), "may": _EVENTS},
    {"key": "sum", "counts": "sum of the value, or of a property", "denominator": _N, "treatment": _MEAN,
     "unit": "value", "needs": ("match",), "may": ("property", *_EVENTS)},
    {"key": "distinct", "counts": "different values of a property", "denominator": _N, "treatment": _MEAN,
     "unit": "count", "needs": ("match", "property"), "may": _EVENTS},
    {"key": "mean", "counts": "sum of the value, or of a property", "denominator": "events", "treatment": _RATIO,
     "unit": "value", "needs": ("match",), "may": ("property", *_EVENTS)},
    {"key": "ratio", "counts": "events of match, or their value", "denominator": "the same of over",
     "treatment": _RATIO, "unit": "ratio", "needs": ("match", "over"), "may": _EVENTS,
     "measures": ("count", "value")},
    {"key": "quantile", "counts": "quantile of the value, or of a property", "denominator": "events",
     "treatment": "quantile, clustered by customer", "unit": "value", "needs": ("match", "quantile"),
     "may": ("property", "window", "delay")},
    {"key": "threshold", "counts": "customers at or above a count, or a sum of values", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "needs": ("match", "at_least"), "may": ("property", "window", "delay"),
     "measures": ("count", "value")},
    {"key": "retention", "counts": "customers with an event in a later window", "denominator": _N,
     "treatment": _PROPORTION, "unit": "share", "needs": ("match", "delay", "window")},
    {"key": "composite", "counts": "weighted sum of other metrics per customer", "denominator": _N,
     "treatment": _MEAN, "unit": "value", "needs": ("parts",), "may": ("cap",)},
]  # fmt: skip

ROWS: Final = [*JOURNEY_ROWS, *CONTACT_ROWS, *OUTCOME_ROWS, *EVENT_ROWS]
