"""Kinder names for the further parts of a Report; what is not named here is shown by its own name."""

from __future__ import annotations

from typing import Final

SECTIONS: Final[dict[str, tuple[str, str]]] = {
    "breakdowns": ("For whom it changed", "Groups that were known before the exposure. The more groups are looked at, the easier one differs by chance: read the corrected p-values."),
    "segments": ("For whom it changed", "Groups that were known before the exposure."),
    "link_detail": ("Where it moved: links, hand-offs and waiting", "What is over all exposed customers is causal; what compares customers further down the journey describes."),
    "conflict_scan": ("Every local figure against the journey", "A figure that gains while the journey loses is no gain."),
    "paths": ("Which ways customers took", "Counts of journeys, first journey of each customer. The map describes; the test asks whether the arms walk different ways at all."),
    "maturity": ("Has everybody been watched long enough, and does it last?", "Customers whose horizon has not passed are still on their way: open, not failed."),
    "identity": ("Does it rest on who was taken for whom?", "The goal again under other rules of who is who, and whether the variant itself changes who is recognised."),
    "scores": ("How content they are, with those who did not answer", "Only some answer: the bounds assume nothing about the others."),
    "observations": ("Observed beside the experiment", "Not randomised: it explains and never enters an estimate or a verdict."),
    "estimates": ("Every estimate side by side", "Raw, capped, variance-reduced and stratified: all of the same facts."),
}  # fmt: skip
"""Title and first sentence, in the order of the page."""

TABLES: Final[dict[str, str]] = {
    "splits": "The planned split, over ids and over customers",
    "merges": "Are the arms recognised alike?",
    "sensitivities": "The goal under other rules of who is who",
    "verdicts": "What these say together",
    "ids": "Ids that are no ordinary customer",
    "coherence": "Did the variant travel with the customer?",
    "coverage": "Did the channels show the variant?",
    "arms": "How far each arm has been watched",
    "forecast": "Difference to be expected once everybody has been watched",
    "weeks": "By week of the first exposure",
    "weeks_p": "Do the weeks differ at all?",
    "novelty": "Does the effect last?",
    "novelty.points": "By days since exposure",
    "tests": "Do the arms walk different ways?",
    "paths": "Paths through the channels",
    "transitions": "Moves between channels",
    "flows": "Flows behind the picture",
    "deviations": "Planned against actual journeys",
    "rework": "Stages done again",
    "shares": "What each link adds",
    "shares.links": "What each link adds, with intervals",
    "mix": "Where they entered, and how well they did there",
    "mix.channels": "By channel of entry",
    "hand_offs": "Hand-offs between channels",
    "hand_offs.cells": "Hand-offs from one channel to another",
    "shifts": "Shifted, or saved?",
    "shifts.classes": "By channel",
    "latencies": "How long each link takes",
    "mechanism": "Was it the mechanism that was expected?",
    "mechanism.links": "Each link of the mechanism",
    "scan": "Local figures against the goal",
    "strata": "Do the groups say what the total says?",
    "strata.rows": "The goal within each group",
    "scores": "Each score",
    "observations": "Evidence",
    "observations.points": "External series",
}  # fmt: skip

COLUMNS: Final[dict[str, str]] = {
    "variant": "Variant", "n": "Customers", "n_control": "Control", "n_treatment": "Variant\u2019s customers",
    "control_n": "Control", "treatment_n": "Variant\u2019s customers", "share_control": "Share of control",
    "share_treatment": "Share of the variant", "control_share": "Share of control", "treatment_share": "Share of the variant",
    "control_rate": "Control", "treatment_rate": "Variant\u2019s rate", "control_value": "Control",
    "treatment_value": "Variant\u2019s value", "p_value": "p-value", "p_holm": "p, corrected", "p_adjusted": "p, corrected",
    "n_exposed": "Exposed", "n_mature": "Watched to the end", "n_open": "Still open", "n_provisional": "Provisional",
    "n_completed": "Completed so far", "expected_completed": "Expected to complete", "expected_share": "Expected share",
    "is_mature": "All watched", "is_other": "All others", "analysis": "Rule of who is who", "conclusion": "Reads as",
    "agrees": "Agrees", "ending": "Ending", "graph_as_of": "Links known as of", "fallback": "Assigned id is the unit to read",
    "drift": "Coherence drifts", "horizon_seconds": "Horizon", "share_known": "Share watched to the end",
    "all_mature_at": "All watched at", "n_coherent": "Coherent", "n_days": "Customer-days", "n_served": "Shown",
    "n_crossovers": "Met several variants", "n_customers": "Customers", "level": "Level", "from_channel": "From",
    "to_channel": "To", "source": "From", "target": "To", "counts": "Seen", "expected": "Expected",
    "gail_simon_p": "p of opposite signs", "compatible_harm": "Harm still possible", "is_reversed": "Reversed",
    "step_seconds": "Step", "alarm": "Alarm", "kpi": "Figure",
}  # fmt: skip

UNITS: Final[dict[str, str]] = {
    "paths": "share", "transitions": "share", "deviations": "share", "rework": "share", "hand_offs.cells": "share",
    "shifts.classes": "share", "latencies": "seconds", "forecast": "share", "weeks": "goal", "novelty.points": "relative",
    "sensitivities": "goal", "strata.rows": "goal", "scan": "relative", "maturity": "goal", "breakdowns": "goal",
    "breakdowns.rows": "goal", "coverage": "share", "coherence": "share",
}  # fmt: skip
"""Unit of the effects of a table, or of a part: ``goal`` is that of the primary metric."""

CODES: Final[dict[str, str]] = {
    "first_exposure": "First variant met (the main one)",
    "without_crossovers": "Without customers who met several",
    "known_before": "Only customers known before",
    "dose": "By how often they met it",
    "assignment_id": "The id that was assigned",
    "fresh": "Fresh assignments",
    "customers": "Customers",
    "ids_per_customer": "Ids per customer",
    "share_identified": "Share identified",
    "robust": "Robust",
    "depends_on_identity_resolution": "Depends on identity resolution",
    "completions": "Completions",
    "none": "no journey",
    "any": "any",
    "nothing_shown": "Nothing shown",
}  # fmt: skip
