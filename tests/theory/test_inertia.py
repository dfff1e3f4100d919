"""The energy of second-order training, measured.

"Computational Inertia as a Conserved Quantity in Frictionless and Damped Learning Dynamics" (arXiv 2505.19171): E =
|v|^2/2 + L is constant without friction, decays as -gamma |v|^2 with it, and gains sigma^2 D/2 from noise in the mean.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lielaws.inertia import EnergyLedger, MomentumMap, expected_energy_balance, quadratic_energy, simulate


def henon_heiles(x):
    """A cubic loss in two coordinates, whose trajectories stay bounded at energies below 1/6; takes leading axes."""
    return (x[..., 0] ** 2 + x[..., 1] ** 2) / 2 + x[..., 0] ** 2 * x[..., 1] - x[..., 1] ** 3 / 3


def henon_heiles_gradient(x):
    first, second = x
    return np.array([first + 2 * first * second, second + first * first - second * second])


def quartic(x):
    return np.sum(x**2 / 2 + x**4 / 4, axis=-1)


def quartic_gradient(x):
    return x + x**3


def check_leapfrog(n_steps):
    """A band that shrinks as the square of the step, whose ends do not differ from its middle, and no slope."""
    bands = []
    for step in (0.2, 0.1):
        run = simulate(henon_heiles, henon_heiles_gradient, [0.2, 0.1], [0.1, 0.3], step=step, n_steps=n_steps)
        assert run.method == "leapfrog"
        assert run.stopped is None
        error = run.energy - run.energy[0]
        early, late = error[: len(error) // 5], error[-len(error) // 5 :]
        assert np.abs(late).max() < 1.2 * np.abs(early).max()
        assert abs(late.mean() - early.mean()) < 0.1 * run.band
        assert abs(run.drift) * run.times[-1] < 0.1 * run.band
        bands.append(run.band)
    assert 3.6 < bands[0] / bands[1] < 4.4
    return bands


def test_frictionless_energy_stays_in_a_band_of_second_order():
    bands = check_leapfrog(50_000)
    assert bands[1] < 2e-3


@pytest.mark.slow
def test_frictionless_energy_does_not_drift_over_a_million_steps():
    check_leapfrog(1_000_000)


def test_the_energy_belongs_to_one_loss():
    """arXiv 2505.19171 for one given loss; for another one the same expression is not constant."""
    run = simulate(
        quartic, quartic_gradient, [1.0, 0.5], [0.0, 1.0], step=0.01, n_steps=2000, keep_trajectory=True, record_every=1
    )
    other = np.sum(run.velocities**2, axis=1) / 2 + np.sum(run.trajectory**2, axis=1) / 2
    assert run.band < 1e-4
    assert np.ptp(other) > 0.1


@pytest.mark.parametrize("gamma", [0.1, 1.0, 8.0])
def test_damped_energy_follows_theory_to_second_order(gamma):
    """Under-, over- and nearly critically damped modes against the closed form, over halved steps."""
    values, theory = np.array([1.0, 16.0]), quadratic_energy([1, 16], [1, 1], [0, 2], friction=gamma)
    errors = []
    for n_steps in (100, 200, 400):
        run = simulate(
            lambda x: float(values @ x**2 / 2),
            lambda x: values * x,
            [1.0, 1.0],
            [0.0, 2.0],
            step=4 / n_steps,
            n_steps=n_steps,
            friction=gamma,
        )
        errors.append(np.abs(run.energy - theory(run.times)).max())
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(orders - 2) < 0.15)


def test_damped_energy_loses_gamma_times_the_square_of_the_velocity():
    """dE/dt = -gamma |v|^2 on a loss that is not quadratic: E(T) - E(0) + gamma int |v|^2 dt is of second order."""
    gaps, accounts, references = [], [], []
    exact = solve_ivp(
        lambda _, s: [s[1], -0.3 * s[1] - s[0] - s[0] ** 3],
        (0, 8),
        [1.5, 0.0],
        rtol=1e-11,
        atol=1e-13,
        dense_output=True,
    )
    for n_steps in (200, 400, 800):
        run = simulate(
            quartic, quartic_gradient, [1.5], step=8 / n_steps, n_steps=n_steps, friction=0.3, record_every=1
        )
        lost = 0.3 * 2 * run.kinetic
        weights = np.full(n_steps + 1, 1.0)
        weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
        integral = np.concatenate([[0], np.cumsum(lost[1:] + lost[:-1])]) * run.step / 2
        accounts.append(np.abs(run.dissipated - integral).max())
        gaps.append(abs(run.energy[-1] - run.energy[0] + weights @ lost * run.step / 3))
        position, velocity = exact.sol(run.times)
        references.append(np.abs(run.energy - velocity**2 / 2 - position**2 / 2 - position**4 / 4).max())
    for errors in (gaps, accounts, references):
        orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
        assert np.all(np.abs(orders - 2) < 0.2)


@pytest.mark.parametrize(
    ("values", "gamma", "sigma"),
    [((1, 4), 0.5, 0.7), ((0, 1), 1, 1), ((1, 1, 9), 2, 0.5), ((1, 4), 0, 0.5), ((0, 0), 0, 1)],
    ids=["underdamped", "free direction", "critical", "frictionless", "brownian velocity"],
)
def test_noisy_energy_agrees_with_theory_within_four_standard_errors(values, gamma, sigma):
    curvature, start = np.array(values, dtype=float), np.linspace(1, -1, len(values))
    theory = quadratic_energy(list(values), start, friction=gamma, noise=sigma)
    run = simulate(
        lambda x: np.sum(curvature * x**2, axis=-1) / 2,
        lambda x: curvature * x,
        start,
        step=0.02,
        n_steps=500,
        friction=gamma,
        noise=sigma,
        runs=4000,
        record_every=50,
        seed=11,
    )
    assert np.max(np.abs(run.deviation(theory))) < 4
    kinetic = theory.evaluate(run.times, "kinetic")[1:]
    error = run.kinetic[1:].std(axis=1, ddof=1) / np.sqrt(run.runs)
    assert np.max(np.abs(run.kinetic[1:].mean(axis=1) - kinetic) / error) < 4


def test_expected_energy_balance_on_a_loss_that_is_not_quadratic():
    """E(T) - E(0) + gamma int |v|^2 dt - sigma^2 D T/2 is a martingale, so that its mean is zero."""
    gamma, sigma, size = 0.4, 0.8, 3
    run = simulate(
        quartic,
        quartic_gradient,
        np.ones(size),
        step=0.02,
        n_steps=400,
        friction=gamma,
        noise=sigma,
        runs=4000,
        record_every=1,
        seed=2,
    )
    speed = 2 * run.kinetic
    spent = gamma * (speed[1:] + speed[:-1]).sum(axis=0) * run.step / 2
    rest = run.energy[-1] - run.energy[0] + spent - sigma**2 * size / 2 * run.times[-1]
    assert expected_energy_balance(size, gamma, sigma).holds
    assert abs(rest.mean()) < 4 * rest.std(ddof=1) / np.sqrt(run.runs)
    # Against the noise alone: without its term the mean would be far off.
    assert abs((rest + sigma**2 * size / 2 * run.times[-1]).mean()) > 40 * rest.std(ddof=1) / np.sqrt(run.runs)


def test_equipartition_whatever_the_loss():
    """In the stationary state E v_i^2 = sigma^2/(2 gamma) for each coordinate."""
    gamma, sigma, size = 1.0, 1.2, 2
    run = simulate(
        quartic,
        quartic_gradient,
        np.zeros(size),
        step=0.05,
        n_steps=400,
        friction=gamma,
        noise=sigma,
        runs=4000,
        seed=3,
    )
    squares = run.velocity**2
    error = squares.std(axis=0, ddof=1) / np.sqrt(run.runs)
    assert np.all(np.abs(squares.mean(axis=0) - sigma**2 / (2 * gamma)) < 4 * error)


@pytest.mark.parametrize("scheme", ["central", "exponential"])
def test_sgd_with_momentum_has_the_energy_of_the_flow_to_second_order(scheme):
    """Ours: the ledger's energy after k steps is that of the damped flow from rest at the time k h, up to O(h^2)."""
    gamma, values, errors = 0.6, np.array([1.0, 5.0]), []
    theory = quadratic_energy([1, 5], [1, -2], friction=gamma)
    for n_steps in (100, 200, 400):
        settings = MomentumMap.from_flow(5 / n_steps, gamma, scheme=scheme)
        ledger, theta, buffer = EnergyLedger(settings.lr, settings.momentum), np.array([1.0, -2.0]), np.zeros(2)
        for _ in range(n_steps):
            ledger.step(theta, values * theta, values @ theta**2 / 2)
            buffer = settings.momentum * buffer + values * theta
            theta = theta - settings.lr * buffer
        ledger.finish(theta, values @ theta**2 / 2)
        errors.append(np.abs(ledger.column("energy") - theory(ledger.column("time"))).max())
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(orders - 2) < 0.15)
