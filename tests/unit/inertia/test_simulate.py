"""Integrators on a user's loss: forms of parameters, records, ensembles, runs that end early, bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError
from lielaws.inertia import quadratic_energy, simulate
from tests.unit.inertia.losses import Quadratic, Regression, coupled, coupled_gradient, quartic, quartic_gradient

SHORT = {"step": 0.1, "n_steps": 20}


def verlet(gradient, theta, velocity, step, n_steps):
    """The textbook scheme, with an acceleration at both ends of every step."""
    rows = [(theta.copy(), velocity.copy())]
    for _ in range(n_steps):
        first = -gradient(theta)
        theta = theta + step * velocity + step**2 / 2 * first
        velocity = velocity + step / 2 * (first - gradient(theta))
        rows.append((theta, velocity))
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("every", [1, 3, 7])
def test_leapfrog_is_velocity_verlet(every):
    theta, velocity = np.array([0.3, -0.2]), np.array([0.1, 0.2])
    run = simulate(coupled, coupled_gradient, theta, velocity, record_every=every, keep_trajectory=True, **SHORT)
    positions, velocities = verlet(coupled_gradient, theta, velocity, 0.1, 20)
    steps = sorted({*range(0, 20, every), 20})
    assert run.method == "leapfrog"
    assert np.allclose(run.times, 0.1 * np.array(steps))
    assert np.allclose(run.trajectory, positions[steps], atol=1e-13)
    assert np.allclose(run.velocities, velocities[steps], atol=1e-13)
    assert np.allclose(run.energy, coupled(positions[steps]) + np.sum(velocities[steps] ** 2, axis=1) / 2, atol=1e-13)
    assert np.array_equal(run.theta, run.trajectory[-1])


def test_the_splitting_step_by_step():
    """BAOAB written out, with the same draws."""
    step, gamma, sigma = 0.2, 0.7, 0.5
    theta, velocity = np.array([0.5, -1.0]), np.array([0.2, 0.0])
    run = simulate(
        quartic, quartic_gradient, theta, velocity, step=step, n_steps=5, friction=gamma, noise=sigma, seed=3
    )
    rng, kept = np.random.default_rng(3), math.exp(-gamma * step)
    spread = sigma * math.sqrt((1 - kept**2) / (2 * gamma))
    for _ in range(5):
        velocity = velocity - step / 2 * quartic_gradient(theta)
        theta = theta + step / 2 * velocity
        velocity = kept * velocity + spread * rng.standard_normal(2)
        theta = theta + step / 2 * velocity
        velocity = velocity - step / 2 * quartic_gradient(theta)
    assert np.allclose(run.theta, theta, atol=1e-14)
    assert np.allclose(run.velocity, velocity, atol=1e-14)


def test_without_friction_and_noise_the_splitting_is_leapfrog():
    plain = simulate(quartic, quartic_gradient, [1.0, 0.5], step=0.1, n_steps=100)
    tiny = simulate(quartic, quartic_gradient, [1.0, 0.5], step=0.1, n_steps=100, friction=1e-300)
    assert tiny.method == "BAOAB"
    assert np.allclose(plain.energy, tiny.energy, atol=1e-13)


def test_noise_without_friction_injects_the_limit():
    """gamma -> 0: the variance of the kicks becomes sigma^2 h."""
    settings = {"step": 0.1, "n_steps": 50, "noise": 0.3, "seed": 5, "record_every": 1}
    limit = simulate(quartic, quartic_gradient, [1.0, 0.5], friction=0, **settings)
    small = simulate(quartic, quartic_gradient, [1.0, 0.5], friction=1e-12, **settings)
    assert np.allclose(limit.energy, small.energy, atol=1e-10)


def test_the_accounts_of_a_noisy_run_close():
    run = simulate(quartic, quartic_gradient, [1.0, 0.5], step=0.01, n_steps=2000, friction=0.5, noise=0.4)
    gap = run.energy - run.energy[0] + run.dissipated - run.injected
    assert np.array_equal(gap, run.created)
    assert run.band < 1e-3
    assert np.all(np.diff(run.dissipated) >= 0)
    assert run.dissipated[-1] > 0.1


def test_parameters_as_a_mapping():
    problem = Regression()
    run = simulate(
        problem.loss, problem.gradient, problem.start, step=0.01, n_steps=200, friction=0.2, keep_trajectory=True
    )
    assert run.theta["W1"].shape == (8, 5)
    assert run.trajectory["W2"].shape == (201, 2, 8)
    assert run.potential[-1] == pytest.approx(problem.loss(run.theta), rel=1e-14)

    def flat(p):
        return np.concatenate([p["W1"].ravel(), p["W2"].ravel()])

    def shaped(x):
        return {"W1": x[:40].reshape(8, 5), "W2": x[40:].reshape(2, 8)}

    same = simulate(
        lambda x: problem.loss(shaped(x)),
        lambda x: flat(problem.gradient(shaped(x))),
        flat(problem.start),
        step=0.01,
        n_steps=200,
        friction=0.2,
    )
    assert np.allclose(same.energy, run.energy, rtol=1e-13)


@pytest.mark.parametrize("start", [2.0, [2.0], [[2.0]]])
def test_parameters_of_any_shape(start):
    run = simulate(lambda x: float(np.sum(x**2) / 2), lambda x: x, start, **SHORT)
    assert np.shape(run.theta) == np.shape(start)
    reference = simulate(lambda x: float(x[0] ** 2 / 2), lambda x: x, [2.0], **SHORT)
    assert np.array_equal(run.energy, reference.energy)


def test_single_precision_and_lists():
    def gradient(x):
        return (x.astype(np.float32) + x.astype(np.float32) ** 3).tolist()

    run = simulate(lambda x: np.float32(quartic(x)), gradient, np.ones(3, dtype=np.float32), **SHORT)
    reference = simulate(quartic, quartic_gradient, np.ones(3), **SHORT)
    assert run.energy == pytest.approx(reference.energy, abs=1e-5)


def test_ensembles_with_and_without_a_leading_axis():
    problem = Quadratic([[2, 1], [1, 3]])
    settings = {"step": 0.05, "n_steps": 40, "friction": 0.3, "noise": 0.5, "runs": 7, "seed": 1, "record_every": 5}
    together = simulate(problem.loss, problem.gradient, [1.0, -1.0], **settings)

    def one(x):
        assert x.ndim == 1
        return float(x @ problem.A @ x / 2)

    apart = simulate(one, lambda x: problem.A @ x, [1.0, -1.0], **settings)
    assert together.energy.shape == (9, 7)
    assert together.runs == 7
    assert np.allclose(together.energy, apart.energy, atol=1e-13)
    assert together.theta.shape == (7, 2)
    assert len(set(together.energy[-1])) == 7
    assert np.allclose(together.mean_energy, together.energy.mean(axis=1))
    assert np.allclose(together.standard_error, together.energy.std(axis=1, ddof=1) / np.sqrt(7))


def test_a_gradient_that_only_looks_batched_is_called_for_each_run():
    """A @ x of three runs in three dimensions has the right shape and the wrong values."""
    A = np.array([[2.0, 1, 0], [1, 3, 1], [0, 1, 1]])

    def loss(x):
        return 0.5 * np.sum(x * (A @ x), axis=0) if x.ndim == 2 else x @ A @ x / 2

    run = simulate(loss, lambda x: A @ x, [1.0, 0.5, -1.0], step=0.05, n_steps=20, noise=1, runs=3, record_every=20)
    assert np.allclose(run.potential[-1], [row @ A @ row / 2 for row in run.theta])


def test_a_wish_for_one_call_has_to_be_possible():
    def loss(x):
        return float(x @ x / 2)

    with pytest.raises(InvalidArgumentError, match="batched = True: loss and gradient do not take"):
        simulate(loss, lambda x: x, [1.0, 2.0], runs=3, batched=True, **SHORT)
    apart = simulate(quartic, quartic_gradient, [1.0, 2.0], runs=3, batched=False, noise=1, **SHORT)
    together = simulate(quartic, quartic_gradient, [1.0, 2.0], runs=3, batched=True, noise=1, **SHORT)
    assert np.allclose(apart.energy, together.energy, rtol=1e-13)


def test_ensembles_of_mappings():
    def loss(p):
        return np.sum(p["a"] ** 2, axis=(-2, -1)) / 2 + np.sum(p["b"] ** 4, axis=-1) / 4

    def gradient(p):
        return {"a": p["a"], "b": p["b"] ** 3}

    start = {"a": np.ones((2, 2)), "b": np.ones(3)}
    run = simulate(loss, gradient, start, runs=4, noise=0.5, keep_trajectory=True, record_every=10, **SHORT)
    assert run.trajectory["a"].shape == (3, 4, 2, 2)
    assert np.allclose(run.potential[-1], loss(run.theta))


def test_a_seed_repeats_a_run_and_checks_do_not_change_it():
    settings = {"friction": 0.1, "noise": 1.0, **SHORT}
    first = simulate(quartic, quartic_gradient, [1.0], seed=4, **settings)
    again = simulate(quartic, quartic_gradient, [1.0], seed=4, **settings, check_gradient=False, check_stability=False)
    stream = simulate(quartic, quartic_gradient, [1.0], seed=np.random.default_rng(4), **settings)
    other = simulate(quartic, quartic_gradient, [1.0], seed=5, **settings)
    assert np.array_equal(first.energy, again.energy)
    assert np.array_equal(first.energy, stream.energy)
    assert not np.array_equal(first.energy, other.energy)
    assert again.stability is None


def test_records_are_bounded():
    run = simulate(quartic, quartic_gradient, [1.0], step=1e-3, n_steps=20_000)
    assert len(run.times) == 1001
    assert run.trajectory is None
    assert run.n_steps == 20_000
    with pytest.raises(SizeError, match="runs = '1,000,000,000,000 runs"):
        simulate(quartic, quartic_gradient, [1.0], step=0.1, n_steps=1, runs=10**12)
    with pytest.raises(SizeError, match="record_every"):
        simulate(
            quartic, quartic_gradient, np.ones(10**5), step=0.1, n_steps=10**7, record_every=1, keep_trajectory=True
        )


def first_bad_step(function, limit):
    """A function that answers NaN from its n-th call on."""
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return function(x) * (np.nan if calls > limit else 1)

    return counted


def test_a_run_stops_at_the_step_that_is_not_finite():
    quiet = {"check_gradient": False, "check_stability": False}
    # One call checks the start, one starts the integrator, then one a step: the 13th step gets NaN.
    gradient = first_bad_step(quartic_gradient, 14)
    run = simulate(quartic, gradient, [1.0], step=0.1, n_steps=100, record_every=5, **quiet)
    assert run.stopped is not None
    assert run.stopped.step == 13
    assert run.times.tolist() == pytest.approx([0, 0.5, 1.0])
    assert run.n_steps == 10
    assert np.all(np.isfinite(run.energy))
    assert "stopped at step 13" in str(run)
    whole = simulate(quartic, quartic_gradient, [1.0], step=0.1, n_steps=10, record_every=5, **quiet)
    assert np.array_equal(run.energy, whole.energy)
    assert np.array_equal(run.theta, whole.theta)


def test_a_run_stops_where_the_loss_is_not_finite():
    quiet = {"check_gradient": False, "check_stability": False}
    run = simulate(first_bad_step(quartic, 4), quartic_gradient, [1.0], step=0.1, n_steps=50, record_every=10, **quiet)
    assert run.stopped is not None
    assert run.stopped.step == 30
    assert len(run.times) == 3


@pytest.mark.parametrize("friction", [0, 0.1])
def test_divergence_and_exceptions_of_arithmetic_stop_a_run(friction):
    blown = simulate(quartic, quartic_gradient, [1.0], step=3.0, n_steps=1000, friction=friction, record_every=1)
    assert blown.stopped is not None
    assert blown.stopped.step < 20
    assert np.all(np.isfinite(blown.energy))
    calls = 0

    def gradient(x):
        nonlocal calls
        calls += 1
        return [math.exp(1000.0 if calls > 9 else x[0])]

    run = simulate(
        lambda x: math.exp(x[0]),
        gradient,
        [1.0],
        step=0.1,
        n_steps=500,
        friction=friction,
        record_every=3,
        check_gradient=False,
        check_stability=False,
    )
    assert run.stopped is not None
    # The first call checks the start and the second starts the integrator.
    assert run.stopped.step == 8
    assert "OverflowError" in run.stopped.reason
    assert len(run.times) == 3


def test_functions_of_the_standard_library_may_leave_their_domain():
    run = simulate(lambda x: math.log(x[0]), lambda x: [1 / x[0]], [1.0], step=0.1, n_steps=100, record_every=1)
    assert run.stopped is not None
    assert run.theta[0] > 0
    run = simulate(
        lambda x: x[0] ** 1.5, lambda x: [1.5 * math.sqrt(x[0])], [1.0], step=0.1, n_steps=100, record_every=1
    )
    assert run.stopped is not None
    assert "math domain error" in run.stopped.reason
    assert run.stopped.step == len(run.times)


def test_one_run_that_diverges_stops_the_ensemble():
    run = simulate(
        lambda x: np.sum(np.log(x), axis=-1), lambda x: 1 / x, [1.0], step=0.05, n_steps=500, noise=0.1, runs=3
    )
    assert run.stopped is not None
    assert np.all(np.isfinite(run.energy))


def test_deviation_from_theory():
    problem = Quadratic([[1]])
    settings = {"step": 0.02, "n_steps": 200, "friction": 0.5, "noise": 1.0, "record_every": 20}
    theory = quadratic_energy([1], [1], friction=0.5, noise=1)
    run = simulate(problem.loss, problem.gradient, [1.0], runs=1000, **settings)
    assert run.deviation(theory)[0] == 0
    assert np.max(np.abs(run.deviation(theory))) < 4
    wrong = quadratic_energy([1], [1], friction=0.5, noise=1.2)
    assert np.max(np.abs(run.deviation(wrong))) > 4
    with pytest.raises(InvalidArgumentError, match="runs = 1"):
        simulate(problem.loss, problem.gradient, [1.0], **settings).deviation(theory)


def test_results_go_to_json_and_text():
    run = simulate(quartic, quartic_gradient, [1.0], friction=0.2, noise=0.1, runs=2, **SHORT)
    table = json.loads(json.dumps(run.to_dict()))
    assert table["method"] == "BAOAB"
    assert table["stopped"] is None
    assert np.array_equal(table["kinetic"], run.kinetic)
    assert "2 runs" in str(run)
    assert repr(run).startswith("EnergyRun(BAOAB")


BAD = [
    ({"step": 0}, "step = 0"),
    ({"step": -0.1}, "step = -0.1: must be positive"),
    ({"step": float("nan")}, "step = nan"),
    ({"step": "small"}, "step = 'small'"),
    ({"n_steps": 0}, "n_steps = 0"),
    ({"n_steps": 1.5}, "n_steps = 1.5"),
    ({"friction": -1}, "friction = -1: must not be negative"),
    ({"noise": -1}, "noise = -1: must not be negative"),
    ({"noise": float("inf")}, "noise = inf"),
    ({"seed": -1}, "seed = -1"),
    ({"seed": "x"}, "seed = 'x'"),
    ({"runs": 0}, "runs = 0"),
    ({"runs": True}, "runs = True"),
    ({"record_every": 0}, "record_every = 0"),
    ({"keep_trajectory": "yes"}, "keep_trajectory = 'yes'"),
    ({"batched": 1, "runs": 2}, "batched = 1"),
    ({"gradient_tolerance": 0}, "gradient_tolerance = 0"),
    ({"loss": None}, "loss = None"),
    ({"gradient": None}, "gradient = None: a function of the parameters is needed"),
    ({"gradient": lambda x: x[:1]}, r"gradient\(theta\) = 'an array of shape \(1,\)'"),
    ({"gradient": lambda x: np.ones((2, 2))}, r"shape \(2,\) is needed"),
    ({"gradient": lambda x: None}, r"gradient\(theta\) = None"),
    ({"gradient": lambda x: {"a": x}}, r"gradient\(theta\)"),
    ({"gradient": lambda x: x + 1j}, "real numbers"),
    ({"gradient": lambda x: x * np.nan}, "gradient = 'not finite at theta0'"),
    ({"gradient": lambda x, y: x}, "gradient = 'TypeError"),
    ({"gradient": lambda x: -quartic_gradient(x)}, "not the gradient of the loss"),
    ({"gradient": lambda x: 1.01 * quartic_gradient(x)}, "not the gradient of the loss"),
    ({"gradient": lambda x: quartic_gradient(x) + np.array([0, 0.1])}, "not the gradient of the loss"),
    ({"loss": lambda x: x}, r"loss\(theta\) = 'an array of shape \(2,\)'"),
    ({"loss": lambda x: "low"}, r"loss\(theta\) = 'low'"),
    ({"loss": lambda x: math.inf}, "loss = 'not finite at theta0'"),
    ({"loss": lambda x: 1 / 0}, "ZeroDivisionError"),
    ({"theta0": []}, r"theta0 = \[\]"),
    ({"theta0": {}}, "theta0 = {}"),
    ({"theta0": [1.0, np.nan]}, "theta0 = "),
    ({"theta0": "here"}, "theta0 = 'here'"),
    ({"theta0": None}, "theta0 = None"),
    ({"v0": [1.0]}, r"v0 = 'an array of shape \(1,\)'"),
    ({"v0": [1.0, np.inf]}, "v0 = "),
    ({"v0": [1.0, 1e200]}, "v0 = 'energy not finite"),
]


@pytest.mark.parametrize(("change", "error"), BAD, ids=[error for _, error in BAD])
def test_bad_input_is_one_clear_line(change, error):
    arguments = {"loss": quartic, "gradient": quartic_gradient, "theta0": [1.0, 0.5], **SHORT} | change
    with pytest.raises(LieLawsError, match=error) as caught:
        simulate(**arguments)
    assert "\n" not in str(caught.value)


def test_a_function_that_writes_into_its_argument_is_refused():
    def gradient(x):
        x += 1
        return x

    with pytest.raises(InvalidArgumentError, match="read-only"):
        simulate(quartic, gradient, [1.0], **SHORT)


@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_the_gradient_probe_on_a_network_with_kinks(precision):
    for seed in range(10):
        problem = Regression(seed)

        def cast(p):
            return {name: value.astype(precision) for name, value in p.items()}

        def loss(p, problem=problem):
            return precision(problem.loss(cast(p)))

        def gradient(p, problem=problem, factor=1.0):
            return {name: (factor * value).astype(precision) for name, value in problem.gradient(cast(p)).items()}

        simulate(loss, gradient, problem.start, step=0.01, n_steps=1)
        with pytest.raises(InvalidArgumentError, match="not the gradient"):
            simulate(loss, lambda p: gradient(p, factor=1.2), problem.start, step=0.01, n_steps=1)
        simulate(loss, lambda p: gradient(p, factor=1.2), problem.start, step=0.01, n_steps=1, check_gradient=False)


def test_single_precision_behind_python_floats_raises_no_alarm():
    """Rounding of 6e-8 in a loss that comes as a float64 would look like a wrong gradient."""
    for seed in range(10):
        problem = Regression(seed)
        start = {name: 0.05 * value for name, value in problem.start.items()}
        simulate(lambda p, q=problem: float(np.float32(q.loss(p))), problem.gradient, start, step=0.01, n_steps=1)


def test_a_start_at_a_minimum_or_on_a_kink_raises_no_alarm():
    simulate(quartic, quartic_gradient, [0.0, 0.0], [1.0, 0.0], **SHORT)
    simulate(lambda x: float(np.abs(x).sum()), np.sign, [0.0, 1.0], **SHORT)
    zero = {"W1": np.zeros((8, 5)), "W2": np.zeros((2, 8))}
    problem = Regression()
    simulate(problem.loss, problem.gradient, zero, **SHORT)
