"""One number per exposed customer out of the events that a metric counts."""

from __future__ import annotations

import numpy as np

from abplat.analysis.gathered import Contacts, FloatArray, Gathered


def tally(gathered: Gathered, contacts: Contacts, *, is_value: bool, before: bool = False) -> FloatArray:
    """Count the events of each customer within the horizon, or sum their values.

    With ``before``, within the equally long window that ends at the exposure: what the customer was
    like before anything could have an effect, for variance reduction.
    """
    exposed = gathered.population.first_exposure[contacts.unit]
    if before:
        inside = (contacts.ts >= exposed - gathered.horizon_us) & (contacts.ts < exposed)
    else:
        inside = (contacts.ts >= exposed) & (contacts.ts <= exposed + gathered.horizon_us)
    weights = contacts.value[inside] if is_value else None
    counted = np.bincount(contacts.unit[inside], weights=weights, minlength=len(gathered.population))
    return counted.astype(np.float64)


def time_to_complete(
    gathered: Gathered, journey: str
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return seconds from exposure to first completion, and whether it was seen.

    Everyone else is censored at the end of the horizon or at ``as_of``, whichever is earlier: not
    completed yet is not a failure. Immature customers take part.
    """
    first = gathered.walked[journey].rows.first_completion
    followed = np.minimum(gathered.horizon_us, gathered.as_of_us - gathered.population.first_exposure)
    observed = (first >= 0) & (first <= followed)
    return np.where(observed, first, followed) / 1e6, observed
