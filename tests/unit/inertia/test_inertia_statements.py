"""Statements about the energy: what is claimed, and that a wrong one is noticed."""

from __future__ import annotations

import dataclasses

import pytest
import sympy

from lielaws.errors import ExactnessError, InvalidArgumentError, SizeError
from lielaws.inertia import (
    energy_balance,
    expected_energy_balance,
    ledger_statement,
    momentum_statement,
    stationary_density,
)
from lielaws.inertia.statements import Step

MAKERS = (energy_balance, expected_energy_balance, stationary_density, momentum_statement, ledger_statement)


@pytest.mark.parametrize("make", MAKERS)
def test_statements_hold_and_show_themselves(make):
    statement = make()
    assert statement.holds
    assert statement.verify()
    assert statement.steps
    assert "yes, by sympy" in str(statement)
    assert statement._repr_latex_().startswith("$\\displaystyle")
    assert statement.name in repr(statement)


@pytest.mark.parametrize("make", MAKERS)
def test_a_wrong_step_is_found(make):
    statement = make()
    for index, step in enumerate(statement.steps):
        wrong = dataclasses.replace(step, right=step.right + sympy.Symbol("gamma"))
        steps = (*statement.steps[:index], wrong, *statement.steps[index + 1 :])
        broken = dataclasses.replace(statement, steps=steps)
        assert not broken.holds
        with pytest.raises(ExactnessError, match="does not hold"):
            broken.verify()
    broken = dataclasses.replace(statement, right=statement.right + 1)
    assert not broken.holds
    assert "NO" in str(broken)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_energy_decays_by_friction_alone(dimension):
    gamma, t = sympy.Symbol("gamma", positive=True), sympy.Symbol("t", real=True)
    statement = energy_balance(dimension)
    speed = sum(sympy.Function(f"v{i}", real=True)(t) ** 2 for i in range(1, dimension + 1))
    assert sympy.expand(statement.right + gamma * speed) == 0
    assert statement.source == "arXiv 2505.19171"


def test_without_friction_the_energy_is_constant():
    statement = energy_balance(3, friction=0)
    assert statement.right == 0
    assert statement.text == "dE/dt = 0"
    assert statement.holds


def test_friction_may_depend_on_time():
    t = sympy.Symbol("t")
    statement = energy_balance(1, friction=3 / t)
    time = sympy.Symbol("t", real=True)
    velocity = sympy.Function("v1", real=True)(time)
    assert statement.right == -3 / time * velocity**2
    assert statement.holds


@pytest.mark.parametrize("dimension", [1, 4])
def test_noise_adds_the_same_in_every_coordinate(dimension):
    sigma, gamma = sympy.symbols("sigma gamma", positive=True)
    statement = expected_energy_balance(dimension)
    speed = sum(sympy.Symbol(f"v{i}", real=True) ** 2 for i in range(1, dimension + 1))
    assert sympy.expand(statement.right - sigma**2 * dimension / 2 + gamma * speed) == 0


def test_noise_without_friction_adds_whatever_the_loss():
    statement = expected_energy_balance(3, friction=0, noise=2)
    assert statement.right == 6
    assert statement.holds


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"friction": -1}, "friction = -1"),
        ({"noise": -0.5}, "noise = -0.5"),
        ({"friction": "fast"}, "friction = 'fast'"),
        ({"friction": float("nan")}, "friction = nan"),
        ({"friction": sympy.I}, "friction = I"),
        ({"friction": sympy.oo}, "friction = oo"),
        ({"friction": True}, "friction = True"),
        ({"dimension": 0}, "dimension = 0"),
        ({"dimension": 2.0}, "dimension = 2.0"),
    ],
)
def test_bad_parameters(arguments, error):
    with pytest.raises(InvalidArgumentError, match=error):
        expected_energy_balance(**arguments)


def test_too_many_coordinates_are_refused_before_they_are_written_out():
    with pytest.raises(SizeError, match="dimension = 100000"):
        energy_balance(100_000)


def test_a_step_that_sympy_cannot_decide_does_not_hold():
    x = sympy.Symbol("x", real=True)
    assert not Step("unknown function", sympy.Function("f")(x), x).holds
    assert Step("half angle", sympy.sin(x) * sympy.cos(x), sympy.sin(2 * x) / 2).holds
