"""What the codes of the statistics mean for people, and what to do: one place for pages and findings.

``abplat.stats`` answers with a reason where an honest answer is no number, and raises a flag where a
number needs a remark. A test holds this table against every code that it can emit.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Note(NamedTuple):
    """A code in words."""

    short: str
    """In place of a number, or as a title: lower case, without a full stop."""
    meaning: str
    action: str
    severity: str = "info"
    """Of the finding that a flag raises: info, warning, or block."""


_WAIT = "Wait for more customers; nothing needs to be changed."

REASONS: Final[dict[str, Note]] = {
    "no_units": Note("no customers yet", "An arm has no customers who count yet.", _WAIT),
    "too_few_units": Note(
        "too few customers to say", "An arm has too few customers to know how much their values vary.", _WAIT
    ),
    "zero_variance": Note(
        "every customer has the same value",
        "Nothing varies, so no uncertainty can be given.",
        "If this lasts, check that the metric counts the events that are meant.",
    ),
    "precision_lost": Note(
        "the sums have lost their digits",
        "The values were summed so far from zero that their spread is below the rounding.",
        "Run the analysis again with a shift close to the mean of the metric.",
    ),
    "zero_denominator": Note(
        "nothing to divide by yet",
        "What the metric is counted per has not happened in an arm.",
        "Wait, or count the metric per customer.",
    ),
    "zero_baseline": Note(
        "control is zero, so a relative change has no meaning",
        "No share of zero can be given.",
        "Read the change in the metric's own unit.",
    ),
    "control_mean_near_zero": Note(
        "control is too close to zero for a relative change",
        "Control could as well be zero, so a relative change could be of any size.",
        "Read the change in the metric's own unit, or wait until control is known better.",
    ),
    "non_positive_mean": Note(
        "an arm is not above zero, so it has no ratio",
        "The ratio asked for needs values above zero in both arms.",
        "Read the difference instead.",
    ),
    "no_events": Note(
        "nothing has happened in an arm yet", "Without any event there is nothing to compare.", _WAIT
    ),
    "tau_beyond_follow_up": Note(
        "nobody has been watched for that long yet",
        "The horizon is longer than the longest time seen in an arm.",
        "Wait until the first customers have passed the horizon, or plan a shorter one next time.",
    ),
    "empty_link": Note(
        "nobody reached this link in an arm",
        "A link that nobody reaches carries no effect that could be measured.",
        _WAIT,
    ),
    "empty_cell": Note(
        "nobody started through one of the channels in an arm",
        "The effect cannot be split by channels where an arm has nobody in one of them.",
        "Leave out the channel, or join it with a similar one.",
    ),
    "too_few_strata": Note(
        "fewer than two groups to compare",
        "Whether groups differ needs two groups at least.",
        "Choose a dimension with more values.",
    ),
    "no_cubes": Note(
        "skewness was not recorded",
        "The record lacks the sum that shows whether a few large values decide.",
        "Run the analysis again; new records hold it.",
    ),
    "no_local_variability": Note(
        "too many customers share one value",
        "Both ends of the interval fall on one value, which would claim to know everything.",
        "Choose another quantile, or a share such as \u201cwithin one minute\u201d.",
    ),
    "quantile_out_of_reach": Note(
        "too few events for this quantile",
        "The quantile lies too near the end of the data for an interval.",
        "Wait, or choose a quantile nearer the middle.",
    ),
    "cap_is_zero": Note(
        "most customers have no value, so the cap would be zero",
        "A cap of zero would remove the metric.",
        "Choose the cap among customers who have a value.",
    ),
    "too_few_bins": Note(
        "the time steps are too coarse",
        "The time until the horizon is cut into fewer than 100 steps.",
        "Use finer steps.",
    ),
    "no_missing_values": Note("no value is missing", "There is nothing to bound.", "Nothing to do."),
    "information_not_grown": Note(
        "nothing new since the last look",
        "The data did not grow, so the look adds nothing and costs nothing.",
        "Look again when more customers have come.",
    ),
    "not_ended": Note(
        "the test goes on",
        "A result after a stop exists only once the test has stopped.",
        "Wait for a bound to be crossed or for the planned end.",
    ),
    "not_reached": Note(
        "not reached within the longest time allowed",
        "No possible number of customers, or none within the time allowed, shows the effect.",
        "Plan for a larger effect, more traffic, a longer time, or less noise by a covariate.",
    ),
    "too_few_categories": Note(
        "only one category left",
        "All customers of both arms fell into one category, so nothing can differ.",
        "Wait for more data, or divide into other categories.",
    ),
    "too_few_clusters": Note(
        "too few clusters to say",
        "Stores or teams are what was randomised, and there are too few of them.",
        "Add clusters; more customers in the same clusters do not help.",
    ),
    "not_clustered": Note(
        "not told where groups are drawn",
        "This kind counts journeys one by one, and no error between groups is known for it.",
        "Choose a metric that is a mean, a share, a ratio or a quantile.",
    ),
    "too_few_ages": Note(
        "too few days to see a trend", "A trend needs the effect at three ages at least.", "Wait."
    ),
    "no_responses": Note(
        "nobody has answered in an arm",
        "Scores exist only of those who answer.",
        "Wait, or check that the question is shown.",
    ),
    "after_exposure": Note(
        "measured after exposure, so not judged",
        "The change itself may have moved customers between these groups.",
        "Break down by something known before the exposure.",
    ),
    "not_converged": Note(
        "the calculation found no answer",
        "The search for the interval did not settle.",
        "Report it with the experiment's key; the other rows are not affected.",
    ),
}

FLAGS: Final[dict[str, Note]] = {
    "negative_control": Note(
        "control is below zero",
        "The relative change is given against the size of control, so plus still means more.",
        "Read the change in the metric's own unit first.",
    ),
    "denominator_moved": Note(
        "what the metric is counted per has moved",
        "A ratio moves when its denominator does: the change may not be one of the numerator.",
        "Read numerator and denominator on their own before the ratio.",
        "warning",
    ),
    "covariate_imbalance": Note(
        "the arms differed before the test",
        "Customers of the arms behaved differently before they met a variant, more than chance allows (p < 0.001).",
        "Do not decide: find out how customers were put into the arms, or restart with a new salt.",
        "block",
    ),
    "covariate_singular": Note(
        "a covariate was of no use",
        "What was known before does not vary or repeats another covariate, so it got no slope.",
        "Nothing to do; the result is right, only not sharper.",
    ),
    "covariate_dropped": Note(
        "the covariate was left out",
        "Counts compared as a rate use no covariate.",
        "Compare with the robust model if the covariate matters.",
    ),
    "strata_merged": Note(
        "small strata were joined",
        "A stratum had fewer than 30 customers in an arm and was joined with others.",
        "Nothing to do; wait if the strata matter on their own.",
    ),
    "strata_dropped": Note(
        "strata were not used",
        "After small strata were joined only one was left.",
        "Nothing to do; the result is right, only not sharper.",
    ),
    "exact_test_disagrees": Note(
        "interval and exact test disagree",
        "With so few customers the interval and the exact test fall on different sides of \u201cno change\u201d.",
        "Treat it as not shown, and wait for more customers.",
        "warning",
    ),
    "normal_interval_unreliable": Note(
        "a few large values may decide",
        "Values are so skewed, and the arms so unequal, that the interval misses too often on one side.",
        "Cap the metric, wait, or split the traffic equally; do not trust a narrow win.",
        "warning",
    ),
    "non_proportional_hazards": Note(
        "the curves do not keep their distance",
        "One hazard ratio does not describe the whole time: the change works early or late.",
        "Read the curves and the difference of mean times instead.",
        "warning",
    ),
    "missing_by_arm": Note(
        "values are missing more often in one arm",
        "Those who lack a value differ between the arms, so those who have one cannot be compared as they are.",
        "Find out why values go missing; read the bounds that allow for it.",
        "warning",
    ),
}


def find_note(code: str) -> Note | None:
    """Return what a reason or a flag means; None for a code that is no one's.

    Examples:
        >>> find_note("no_units").short
        'no customers yet'
    """
    return REASONS.get(code) or FLAGS.get(code)


def say_note(code: str) -> str:
    """Return a reason or a flag as sentences: what it is, what it means, what to do.

    Examples:
        >>> say_note("negative_control").partition(".")[0]
        'Control is below zero'
        >>> say_note("some_new_code")
        'Some new code.'
    """
    note = find_note(code)
    if note is None:
        return f"{code.replace('_', ' ').capitalize()}."
    return f"{note.short[0].upper()}{note.short[1:]}. {note.meaning} {note.action}"
