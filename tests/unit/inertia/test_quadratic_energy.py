"""The closed form for quadratic losses against an independent propagation of means and covariances."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError, UnsupportedError
from lielaws.inertia import quadratic_energy
from lielaws.inertia.exact_numbers import sign

TIMES = np.array([0.0, 0.3, 1.0, 2.5, 6.0])


def propagate(A, theta, velocity, gamma, sigma, times):
    """Kinetic and potential energy, expected, by short exact steps of the linear flow and its noise (Van Loan)."""
    A = np.asarray(A, dtype=float)
    size, zero = len(A), np.zeros((len(A), len(A)))
    flow = np.block([[zero, np.eye(size)], [-A, -gamma * np.eye(size)]])
    source = np.block([[zero, zero], [zero, sigma**2 * np.eye(size)]])
    block = np.block([[-flow, source], [np.zeros_like(flow), flow.T]])
    state = np.concatenate([theta, velocity]).astype(float)
    second, now, parts, rows = np.outer(state, state), 0.0, 64, []
    for time in times:
        if time > now:
            whole = expm(block * (time - now) / parts)
            move = whole[2 * size :, 2 * size :].T
            spread = move @ whole[: 2 * size, 2 * size :]
            for _ in range(parts):
                second = move @ second @ move.T + spread
            now = time
        rows.append((np.trace(second[size:, size:]) / 2, np.trace(A @ second[:size, :size]) / 2))
    return np.array(rows).T


CASES = {
    "underdamped": ([[2, 1], [1, 3]], Fraction(1, 2), 0),
    "overdamped": ([[2, 1], [1, 3]], 6, 0),
    "critical": ([[1]], 2, 0),
    "critical with noise": ([[1, 0], [0, 1]], 2, 1),
    "all three": ([[1, 0, 0], [0, 4, 0], [0, 0, 9]], 4, Fraction(3, 2)),
    "frictionless": ([[2, 1], [1, 3]], 0, 0),
    "frictionless with noise": ([[2, 1], [1, 3]], 0, 2),
    "free directions": ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], 1, 1),
    "free and frictionless": ([[1, -1], [-1, 1]], 0, 1),
    "no loss at all": ([[0, 0], [0, 0]], 3, 1),
    "saddle": ([[0, 1], [1, 0]], 1, 1),
    "saddle, frictionless": ([[1, 2], [2, 1]], 0, 1),
    "roots of a cubic": ([[2, 1, 0], [1, 3, 1], [0, 1, 5]], 3, 1),
    "repeated irrational pair": ([[2, 1, 0, 0], [1, 3, 0, 0], [0, 0, 2, 1], [0, 0, 1, 3]], 1, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_closed_form(name):
    A, gamma, sigma = CASES[name]
    rng = np.random.default_rng(len(name))
    theta, velocity = rng.integers(-3, 4, size=len(A)), rng.integers(-3, 4, size=len(A))
    found = quadratic_energy(A, theta, velocity, friction=gamma, noise=sigma)
    assert found.dimension == len(A)
    assert found.verify()
    kinetic, potential = propagate(A, theta, velocity, float(gamma), float(sigma), TIMES)
    scale = 1e-11 * (1 + np.abs(kinetic) + np.abs(potential))
    assert np.all(np.abs(found.evaluate(TIMES, "kinetic") - kinetic) < scale)
    assert np.all(np.abs(found.evaluate(TIMES, "potential") - potential) < scale)
    assert np.all(np.abs(found(TIMES) - kinetic - potential) < scale)
    for expression, values in ((found.energy, kinetic + potential), (found.kinetic, kinetic)):
        exact = [float(expression.subs(found.time, sympy.Rational(str(time))).evalf(20)) for time in TIMES[1:4:2]]
        assert np.all(np.abs(exact - values[1:4:2]) < scale[1:4:2])


@settings(max_examples=15)
@given(st.data())
def test_closed_form_of_random_losses(data):
    size = data.draw(st.integers(1, 4))
    entries = st.integers(-3, 3)
    B = np.array(data.draw(st.lists(entries, min_size=size * size, max_size=size * size))).reshape(size, size)
    A, vectors = B @ B.T, data.draw(st.lists(entries, min_size=2 * size, max_size=2 * size))
    gamma = data.draw(st.fractions(0, 8, max_denominator=4))
    sigma = data.draw(st.fractions(0, 2, max_denominator=2))
    found = quadratic_energy(A, vectors[:size], vectors[size:], friction=gamma, noise=sigma)
    kinetic, potential = propagate(A, vectors[:size], vectors[size:], float(gamma), float(sigma), TIMES)
    tolerance = 1e-9 * (1 + kinetic + potential)
    assert np.all(np.abs(found(TIMES) - kinetic - potential) < tolerance)
    assert np.all(np.abs(found.evaluate(TIMES, "kinetic") - kinetic) < tolerance)


def test_regimes_and_multiplicities_are_exact():
    found = quadratic_energy([1, 4, 9, 4], [1, 1, 1, 1], friction=4)
    table = {
        str(mode.eigenvalue): (regime, mode.multiplicity)
        for mode, regime in zip(found.modes, found.regimes, strict=True)
    }
    assert table == {"1": ("overdamped", 1), "4": ("critical", 2), "9": ("underdamped", 1)}


def test_critical_damping_is_recognized_for_irrational_eigenvalues():
    golden = (1 + sympy.sqrt(5)) / 2
    found = quadratic_energy([[2, 1], [1, 1]], [1, 0], friction=2 * golden)
    assert found.regimes == ("overdamped", "critical")
    assert found.verify()
    reference = propagate([[2, 1], [1, 1]], [1, 0], [0, 0], float(2 * golden), 0, TIMES).sum(axis=0)
    assert np.allclose(found(TIMES), reference, rtol=1e-12)


def test_the_energy_obeys_its_balance_symbolically():
    found = quadratic_energy([[2, 1], [1, 2]], [1, -2], [0, 3], friction=1, noise=2)
    rate = found.energy.diff(found.time) + 2 * found.friction * found.kinetic - found.noise**2 * found.dimension / 2
    assert sympy.simplify(rate) == 0
    assert found.energy.subs(found.time, 0) == found.start == Fraction(2 * 1 - 4 + 8 + 9, 2)
    assert found.statement().holds


def test_frictionless_energy_is_constant_to_the_last_digit():
    found = quadratic_energy([[2, 1], [1, 3]], [1, 5], [2, -1], friction=0)
    assert sympy.simplify(found.energy - found.start) == 0
    assert set(found(np.linspace(0, 1000, 77))) == {float(found.start)}


def test_frictionless_noise_adds_at_a_constant_rate():
    found = quadratic_energy([0, 1, -2], [1, 1, 1], friction=0, noise=3)
    assert sympy.simplify(found.energy - found.start - sympy.Rational(27, 2) * found.time) == 0


def test_stationary_energy_is_equipartition():
    assert quadratic_energy([1, 2, 5], [0, 0, 0], friction=2, noise=3).stationary_energy == Fraction(3 * 9, 4)
    # A free direction has kinetic energy only.
    assert quadratic_energy([0, 2, 5], [0, 0, 0], friction=2, noise=3).stationary_energy == Fraction(5 * 9, 8)
    found = quadratic_energy([[2, 1, 0], [1, 3, 1], [0, 1, 5]], [1, 2, 3], friction=2, noise=3)
    assert found(200.0) == pytest.approx(float(found.stationary_energy), rel=1e-12)
    assert found.evaluate(200.0, "kinetic") == pytest.approx(float(found.stationary_energy) / 2, rel=1e-12)
    sigma, gamma = sympy.symbols("sigma gamma", positive=True)
    symbolic = quadratic_energy([3, 4], [0, 0], friction=gamma, noise=sigma)
    assert sympy.simplify(symbolic.stationary_energy - sigma**2 / gamma) == 0


@pytest.mark.parametrize(
    ("eigenvalues", "friction", "error"),
    [([1], 0, "friction = 0"), ([-1], 1, "A = -1"), ([sympy.Symbol("a")], 1, "A = a")],
)
def test_no_stationary_energy(eigenvalues, friction, error):
    with pytest.raises(InvalidArgumentError, match=error):
        _ = quadratic_energy(eigenvalues, [1], friction=friction, noise=1).stationary_energy


def test_symbols_and_values():
    a, x, v = sympy.symbols("a x v", positive=True)
    found = quadratic_energy([a], [x], [v], noise=sympy.Symbol("s", positive=True))
    assert found.regimes == ("undecided",)
    assert found.verify()
    for gamma in (0.5, 2.0, 5.0):
        values = {a: 1, "x": 2, v: -1, "gamma": gamma, "s": 0.5}
        reference = propagate([[1]], [2], [-1], gamma, 0.5, TIMES).sum(axis=0)
        assert np.allclose(found.evaluate(TIMES, values=values), reference, rtol=1e-12)
        exact = found.energy.subs(
            {a: 1, x: 2, v: -1, found.friction: sympy.Rational(str(gamma)), found.noise: sympy.Rational(1, 2)}
        )
        numbers = [float(exact.subs(found.time, sympy.Rational(str(time)))) for time in TIMES]
        assert np.allclose(numbers, reference, rtol=1e-12)
    with pytest.raises(InvalidArgumentError, match="numbers are needed for a, gamma, s, v, x"):
        found(TIMES)
    with pytest.raises(InvalidArgumentError, match="values = 'b'"):
        found.evaluate(TIMES, values={"b": 1})


def test_a_symbolic_regime_is_decided_by_what_is_known():
    gamma, omega = sympy.symbols("gamma omega", positive=True)
    found = quadratic_energy([gamma**2 / 4 + omega**2], [1], friction=gamma)
    assert found.regimes == ("underdamped",)
    assert not found.energy.has(sympy.Piecewise)


def test_evaluation_does_not_cancel():
    """Against fifty digits: next to critical damping, with strong and with tiny friction."""
    for eigenvalue, gamma, sigma in ((1 + 1e-13, 2, 0), (1 - 1e-13, 2, 1), (1, 1e4, 0), (1, 1e-9, 1), (1e-6, 30, 0)):
        found = quadratic_energy([eigenvalue], [1], [3], friction=gamma, noise=sigma)
        for time in (0.5, 3, 40):
            exact = float(found.energy.subs(found.time, sympy.Rational(str(time))).evalf(50))
            assert found(time) == pytest.approx(exact, rel=1e-12), (eigenvalue, gamma, time)


def test_times_of_any_shape():
    found = quadratic_energy([1, 2], [1, 1], friction=1)
    assert found(0.5).shape == ()
    assert found(np.ones((2, 3))).shape == (2, 3)
    assert found([]).shape == (0,)


def test_the_same_loss_by_matrix_and_by_eigenvalues():
    by_matrix = quadratic_energy([[0, 2], [2, 0]], [1, 3], [2, 0], friction=1, noise=1)
    root = sympy.sqrt(2)
    by_values = quadratic_energy([2, -2], [4 / root, -2 / root], [2 / root, 2 / root], friction=1, noise=1)
    assert np.allclose(by_matrix(TIMES), by_values(TIMES), rtol=1e-13)
    assert quadratic_energy(sympy.Matrix([[2, 0], [0, 5]]), sympy.Matrix([1, 2]), friction=1).dimension == 2


def test_floats_are_the_decimals_that_they_print():
    assert quadratic_energy([0.1], [0.3], friction=0.2).modes[0].eigenvalue == Fraction(1, 10)
    assert quadratic_energy([0.01], [1], friction=0.2).regimes == ("critical",)


def test_texts():
    found = quadratic_energy([1, 4], [1, 1], friction=2)
    assert "critical" in str(found)
    assert "underdamped" in str(found)
    assert found._repr_latex_().startswith("$\\displaystyle E(t)")
    assert "2 coordinates" in repr(found)
    cubic = quadratic_energy([[2, 1, 0], [1, 3, 1], [0, 1, 5]], [1, 2, 1], friction=3)
    assert "exact, a root of degree 3" in str(cubic)
    assert "E(t) ~ " in str(cubic)
    assert "CRootOf" not in str(cubic) + cubic.latex()
    assert cubic.statement().holds
    assert "and 12 more" in str(quadratic_energy(range(20), [1] * 20))


def test_a_symbol_for_the_friction_may_be_zero():
    gamma = sympy.Symbol("g")
    found = quadratic_energy([1, 0], [1, 2], [1, 1], friction=gamma, noise=1)
    assert found.verify()
    for value in (0, 1, 3):
        reference = quadratic_energy([1, 0], [1, 2], [1, 1], friction=value, noise=1)
        assert np.allclose(found.evaluate(TIMES, values={gamma: value}), reference(TIMES), rtol=1e-13)


def test_symbols_as_starting_point_of_a_matrix():
    A, (a, b) = [[2, 1, 0], [1, 3, 1], [0, 1, 5]], sympy.symbols("a b")
    found = quadratic_energy(A, [a, b, 1], friction=1)
    assert np.allclose(found.evaluate(TIMES, values={"a": 1, b: 2}), quadratic_energy(A, [1, 2, 1], friction=1)(TIMES))


@pytest.mark.parametrize(
    ("A", "theta", "keywords", "error"),
    [
        ([[1, 2], [3, 4]], [1, 1], {}, r"A\[0,1\] = 2, A\[1,0\] = 3"),
        ([[1, 2]], [1], {}, "symmetric matrix"),
        ([], [], {}, "symmetric matrix"),
        (5, [1], {}, "symmetric matrix"),
        ([1, 2], [1], {}, "theta0 = '1 numbers'"),
        ([1, 2], None, {}, "theta0 = None"),
        ([1], [1], {"v0": [1, 2]}, "v0"),
        ([float("nan")], [1], {}, "A = nan"),
        ([1], [float("inf")], {}, "theta0 = inf"),
        ([1j], [1], {}, "A = "),
        (["1"], [1], {}, "A = '1'"),
        ([1], [1], {"friction": -1}, "friction = -1"),
        ([1], [1], {"noise": -1}, "noise = -1"),
        ([sympy.Symbol("t")], [1], {}, "A = t"),
    ],
)
def test_bad_input(A, theta, keywords, error):
    with pytest.raises(LieLawsError, match=error):
        quadratic_energy(A, theta, **{"friction": 1} | keywords)


def test_matrices_beyond_the_exact_method():
    with pytest.raises(UnsupportedError, match="rational"):
        quadratic_energy([[1, sympy.sqrt(2)], [sympy.sqrt(2), 1]], [1, 1])
    with pytest.raises(SizeError, match="100 coordinates"):
        quadratic_energy(np.ones((100, 100)), np.ones(100))


@pytest.mark.parametrize(
    ("t", "quantity", "error"),
    [(-1, "energy", "t = "), ([0, np.nan], "energy", "t = "), ("now", "energy", "t = "), (1, "enrgy", "did you mean")],
)
def test_bad_times_and_quantities(t, quantity, error):
    with pytest.raises(InvalidArgumentError, match=error):
        quadratic_energy([1], [1], friction=1).evaluate(t, quantity)


def test_signs_are_decided_exactly():
    assert sign(sympy.sqrt(2) + sympy.sqrt(3) - sympy.sqrt(5 + 2 * sympy.sqrt(6))) == 0
    seventh = sympy.pi / 7
    sum_of_cosines = sympy.cos(seventh) - sympy.cos(2 * seventh) + sympy.cos(3 * seventh)
    assert sign(sum_of_cosines - sympy.Rational(1, 2)) == 0
    assert sign(sum_of_cosines - sympy.Rational(1, 2) - sympy.Rational(1, 10**40)) == -1
    assert sign(sympy.Rational(1, 10**60) + sympy.sqrt(2) - sympy.sqrt(2)) == 1
    assert sign(sympy.pi - sympy.Rational(355, 113)) == -1
    assert sign(sympy.Symbol("x", real=True)) is None
