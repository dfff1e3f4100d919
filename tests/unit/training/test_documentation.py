"""The example in the documentation runs, and its table of tolerances is the one in the code."""

from __future__ import annotations

import doctest

import pytest

import lielaws.training
from lielaws.training.balance import STEPS_PER_TOLERANCE
from lielaws.training.framework_tensors import TOLERANCES


def test_the_example_runs():
    failed, tried = doctest.testmod(lielaws.training)
    assert tried >= 7
    assert failed == 0


@pytest.mark.parametrize("kind", TOLERANCES)
def test_the_tolerances_are_stated(kind):
    row = next(line for line in lielaws.training.__doc__.splitlines() if line.split()[:1] == [kind])
    stated = [float(text) for text in row.split()[1:3]]
    assert stated == pytest.approx([TOLERANCES[kind], TOLERANCES[kind] / STEPS_PER_TOLERANCE], rel=1e-12)


def test_public_names_are_documented():
    for name in ("LawBalance", "StepBalance", "RunBalance", "LawStep", "BalanceError", "GradientForms"):
        assert getattr(lielaws.training, name).__doc__
