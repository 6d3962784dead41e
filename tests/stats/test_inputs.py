"""What every number is asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from abplat.errors import InvalidInputError
from abplat.stats import inputs


@pytest.mark.parametrize(
    "call",
    [
        lambda: inputs.require_finite("a", "x"),
        lambda: inputs.require_finite("a", None),
        lambda: inputs.require_finite("a", np.inf),
        lambda: inputs.require_positive("a", 0),
        lambda: inputs.require_between("a", 1.0),
        lambda: inputs.require_choice("a", 3, (1, 2)),
        lambda: inputs.require_count("a", 1.5),
        lambda: inputs.require_count("a", bool(1)),
        lambda: inputs.require_count("a", -1),
        lambda: inputs.as_finite_array("a", ["x"]),
        lambda: inputs.as_finite_array("a", [np.nan]),
        lambda: inputs.as_finite_array("a", [0.0], positive=True),
        lambda: inputs.as_pair_of_rows([1.0], [1.0, 2.0]),
        lambda: inputs.as_pair_of_rows(1.0, 1.0),
        lambda: inputs.as_pair_of_rows([1.0], [1.0], least=2),
    ],
)
def test_bad_numbers_are_refused_with_their_place(call: Callable[[], object]) -> None:
    """Every refusal names a path."""
    with pytest.raises(InvalidInputError) as caught:
        call()

    assert caught.value.problems[0].path


def test_good_numbers_pass_as_plain_numbers() -> None:
    """NumPy numbers and numerals are read."""
    assert inputs.require_count("n", np.int64(3)) == 3
    assert inputs.require_between("x", np.float64(0.5)) == 0.5
    inputs.require_choice("kind", "a", ("a", "b"))
