"""The words of the pages, each in plain words: what it means, and why one should care."""

from __future__ import annotations

from typing import Final, NamedTuple


class Term(NamedTuple):
    """One word of the pages."""

    key: str
    title: str
    meaning: str
    """One sentence that somebody understands who never heard of statistics."""
    why: str = ""
    """What to do with it."""
    see: tuple[str, ...] = ()
    """Keys of words that go with it."""


TERMS: Final = (
    Term("experiment", "Experiment", "A fair comparison: customers are split by chance, each part is treated differently, and what happens afterwards is compared.", "Because chance alone made the parts, only the difference in treatment can explain a difference in what happens.", ("variant", "control", "split")),
    Term("variant", "Variant", "One of the ways in which customers are treated in an experiment.", "", ("control", "weight")),
    Term("control", "Control", "The variant that everything else is compared with: usually how things are today."),
    Term("weight", "Weight", "The share of customers that a variant gets, as it was planned.", "", ("split",)),
    Term("split", "Split", "How many customers each variant really got, held against the plan.", "Where the split is not as planned, something loses or adds customers in one variant, and no other number of the experiment can be trusted.", ("weight", "p_value")),
    Term("customer", "Customer", "Whoever is assigned and counted: all identities that are known to be the same person count once.", "", ("identity", "assignment")),
    Term("identity", "Identity", "One name under which a customer is known, such as a cookie, a device, a loyalty card or a customer number.", "Joining identities lets a customer keep one variant from the web to the telephone.", ("customer", "crossover")),
    Term("assignment", "Assignment", "The decision which variant a customer gets. It is computed from the customer's name, so the same customer always gets the same answer.", "", ("exposure", "layer")),
    Term("exposure", "Exposure", "The moment at which a customer really met a variant, in some channel.", "Only who was exposed is counted: who never came near the change cannot show what it does.", ("assignment", "horizon")),
    Term("crossover", "Crossover", "A customer who met more than one variant.", "A few are normal where people use several devices; many make the variants look more alike than they are.", ("identity",)),
    Term("journey", "Journey", "The way of a customer from a start to an outcome, across channels: for example from the first visit to the purchase, with a call in between.", "abplat judges a change by whole journeys, since a better page is worth nothing if customers turn back one step later.", ("stage", "touchpoint", "completion")),
    Term("stage", "Stage", "A named place on a journey, such as “asked for a quote”.", "", ("journey", "link")),
    Term("link", "Link", "The step from one stage to the next.", "A change in the outcome is accounted for link by link, so that one sees where it arose.", ("stage",)),
    Term("touchpoint", "Touchpoint", "One contact with a customer: a page, a call, a letter, a visit to a store.", "Touchpoints explain what happened; they never decide an experiment.", ("conflict", "channel")),
    Term("channel", "Channel", "Where a contact takes place: web, app, store, contact centre.", "", ("hand_off",)),
    Term("hand_off", "Hand-off", "A step of a journey at which the channel changes, for example from the web to the telephone.", "Hand-offs cost time and patience, so a change that causes more of them is not free."),
    Term("completion", "Completion", "The share of exposed customers who finished the journey within the horizon.", "", ("denominator", "horizon")),
    Term("open", "Still open", "A journey that has neither ended well nor been given up yet.", "It is counted as open, not as failed: otherwise slow variants would look worse than they are.", ("censored",)),
    Term("metric", "Metric", "Something that is counted or measured for every exposed customer.", "", ("role", "denominator", "direction")),
    Term("role", "Role", "What a metric does in one experiment: the goal decides, guardrails must not be harmed, secondary metrics and touchpoints explain.", "", ("goal", "guardrail")),
    Term("goal", "Goal", "The one metric that decides an experiment. It is always an outcome of the journey.", "It is named before the start, so that nobody can choose the winner afterwards.", ("role",)),
    Term("guardrail", "Guardrail", "A metric that must not get worse by more than a margin agreed on before the start.", "", ("margin", "non_inferiority")),
    Term("margin", "Margin", "How much worse a guardrail may get before a change is turned down.", "", ("guardrail",)),
    Term("non_inferiority", "No worse than", "A guardrail passes when the whole plausible change lies on the good side of the margin: it is shown to do no real harm, which is more than “no harm was found”.", "", ("margin", "interval")),
    Term("denominator", "Denominator", "What a number is divided by: usually every exposed customer whose horizon has passed, whether or not they did anything.", "Dividing by those who came far enough would compare different kinds of customers."),
    Term("direction", "Direction", "Which way is good: more completed journeys, fewer calls."),
    Term("horizon", "Horizon", "How long each customer is watched after the first exposure.", "", ("maturity",)),
    Term("maturity", "Mature", "A customer whose horizon has passed, so that the outcome is known.", "Results of young customers change still; they are left out until they are mature.", ("horizon",)),
    Term("baseline", "Baseline", "The value of a metric in control: what the change is measured from."),
    Term("effect", "Effect", "The difference between a variant and control: what the change did.", "", ("interval", "relative")),
    Term("relative", "Relative change", "The effect as a share of the value of control: from 4.0 % to 4.2 % is +5 %.", "", ("points",)),
    Term("points", "Points", "The difference between two percentages: from 4.0 % to 4.2 % is 0.2 points.", "", ("relative",)),
    Term("interval", "Plausible change", "The range of true effects that go well with what was seen. A method that is made like this includes the truth in 95 of 100 experiments.", "Decide on the whole range, not on its middle: if its worst end would hurt, it is not safe yet.", ("effect", "alpha")),
    Term("p_value", "p-value", "How often chance alone would make a difference at least as large if the change did nothing.", "A small one speaks against chance. It is not the probability that the change works, and it does not say how large the effect is.", ("alpha", "interval")),
    Term("alpha", "Error level", "How often one accepts to see an effect where there is none; usually 5 in 100.", "", ("p_value", "aa_rate")),
    Term("verdict", "Verdict", "What the numbers allow to say: better, worse, inconclusive, too early, or not trusted where a check failed.", "A verdict follows a rule fixed before the start, and the page names the rule."),
    Term("inconclusive", "Inconclusive", "The plausible change includes both better and worse.", "It does not mean that nothing happens: it means that the experiment cannot tell.", ("power", "interval")),
    Term("not_trusted", "Not trusted", "A check of the experiment itself has failed, so its numbers are not shown as verdicts.", "Find the cause first; a wrong number that looks precise is worse than none.", ("split",)),
    Term("conflict", "Conflict", "A touchpoint got better while the journey got worse.", "This is the trap that judging by the touchpoint alone falls into.", ("touchpoint", "journey")),
    Term("power", "Power", "The chance to find an effect of a given size if it is there.", "With too little of it an experiment is a coin that is thrown once.", ("detectable",)),
    Term("detectable", "Detectable effect", "The smallest effect that an experiment of this length would find in 8 of 10 cases.", "If it is larger than what one can hope for, run longer, take a more sensitive metric, or do not start.", ("power", "variance")),
    Term("min_effect", "Smallest change worth acting on", "The least effect for which one would bother to ship the change; agreed on before the start.", "", ("detectable",)),
    Term("variance", "Variance", "How much customers differ from each other in a metric.", "The more they differ, the more of them are needed to see an effect.", ("cuped", "standard_error")),
    Term("standard_error", "Standard error", "How far the measured effect typically lies from the truth by chance alone. It halves when there are four times as many customers.", "", ("variance",)),
    Term("cuped", "Variance reduction (CUPED)", "What was known of customers before the experiment is used to take out differences that have nothing to do with it.", "The same experiment gets more exact: a gain of 30 % is worth as much as having about 30 % shorter to wait.", ("variance",)),
    Term("capping", "Capping", "Very large values are cut at a limit, so that one customer in a thousand does not decide."),
    Term("aa", "A/A experiment", "Both variants are the same. It must find no difference.", "It tests the platform, not an idea.", ("aa_rate",)),
    Term("aa_rate", "A/A rate", "How often a metric found a difference between equal halves of customers. It should be about the error level, 5 in 100.", "Far more means that the metric cries wolf.", ("aa", "alpha")),
    Term("peeking", "Peeking", "Looking at results again and again and stopping when they look good.", "It finds effects that are not there, unless the method allows for looking often.", ("sequential",)),
    Term("sequential", "Sequential method", "A method whose plausible change stays right however often one looks.", "", ("peeking",)),
    Term("multiplicity", "Several comparisons", "Who looks at twenty metrics finds one “effect” by chance. The numbers are corrected for that.", "", ("p_value",)),
    Term("censored", "Censored", "The time is not known yet because the journey is still open; one knows only that it takes longer than until today.", "", ("survival", "open")),
    Term("survival", "Curve of those still on their way", "For each day after the exposure, the share of customers who have not finished yet.", "It shows whether a variant is faster, with open journeys counted as what they are.", ("restricted_mean",)),
    Term("restricted_mean", "Mean time within the horizon", "How many days the average customer spent on the way, counted up to the horizon.", "", ("survival", "median")),
    Term("median", "Median", "The value in the middle: half of the customers lie below, half above."),
    Term("layer", "Layer", "A division of all customers into parts of which each serves one experiment at a time.", "Experiments in one layer never meet the same customer.", ("slot", "collision")),
    Term("slot", "Slot", "The part of a layer that one experiment uses.", "", ("layer",)),
    Term("holdout", "Holdout", "Customers who are kept out of a whole set of experiments.", "They show what all changes together have done."),
    Term("targeting", "Targeting", "The rule that says which customers take part."),
    Term("collision", "Collision", "Two experiments that change the same journey at the same time for the same customers.", "Each still compares fairly, for chance spreads the other evenly; but the two changes may strengthen or spoil each other.", ("layer",)),
    Term("novelty", "Novelty", "An effect that is large at first and fades as customers get used to the change."),
    Term("report", "Report", "Everything that one analysis found, frozen with the hour at which it was made.", "The same data give the same report, to the last digit."),
    Term("as_of", "As of", "The hour up to which data were read."),
    Term("quality", "Data quality", "Whether the events of all channels arrive, once, in time and with right clocks.", "An experiment is never better than its data."),
    Term("pin", "Kept assignment", "A variant that a customer met before and keeps, whatever is changed later."),
    Term("bucket", "Bucket", "A number from 0 to 9999 that is computed from the customer's name; it decides the variant.", "Anybody can compute it again and gets the same.", ("assignment",)),
    Term("lesson", "Lesson", "What was learned from an experiment, in a sentence that helps whoever has the same question next year."),
)  # fmt: skip
BY_KEY: Final = {term.key: term for term in TERMS}
