"""Random laws with quadratic, linear and constant parts, random optimizers, gradients orthogonal to the laws."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from lielaws.training import LawBalance
from tests.unit.training.loops import Sgd, law_of

ROUNDING = 1e-11


@st.composite
def random_laws(draw):
    """One to four laws on two or three tensors, some of them without quadratic part."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=3))
    total = sum(sizes)
    entry = st.integers(0, total - 1)
    monomial = st.one_of(st.tuples(entry, entry), st.tuples(entry), st.just(()))
    linear = st.one_of(st.tuples(entry), st.just(()))
    coefficient = st.integers(-9, 9).filter(bool)
    laws = []
    for _ in range(draw(st.integers(1, min(4, total - 1)))):
        kind = linear if draw(st.integers(0, 3)) == 0 else monomial
        terms = draw(st.dictionaries(kind.map(lambda m: tuple(sorted(m))), coefficient, min_size=1, max_size=8))
        if any(terms):
            laws.append(law_of(terms, {f"p{k}": (size,) for k, size in enumerate(sizes)}))
    return laws or [law_of({(0, 0): 1, (total - 1,): 1}, {f"p{k}": (size,) for k, size in enumerate(sizes)})]


@st.composite
def settings_of_sgd(draw):
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99]))
    dampening = draw(st.sampled_from([0.0, 0.0, 0.3, 1.0, -0.5]))
    return {
        "lr": draw(st.sampled_from([0.0, 1e-3, 0.05, 0.3])),
        "momentum": momentum,
        "dampening": dampening,
        "nesterov": draw(st.booleans()) and momentum > 0 and dampening == 0,
        "weight_decay": draw(st.sampled_from([0.0, 1e-3, 0.5])),
        "decoupled_decay": draw(st.sampled_from([0.0, 1e-2, 0.5])),
    }


def orthogonal_gradient(laws, theta, rng):
    slopes = np.stack([np.concatenate(list(law.gradient(theta).values())) for law in laws])
    free = scipy.linalg.null_space(slopes)
    vector = free @ rng.normal(size=free.shape[1])
    ends = np.cumsum([value.size for value in theta.values()])
    return dict(zip(theta, np.split(vector, ends[:-1]), strict=True))


def start(laws, rng):
    return {name: rng.normal(size=shape) for name, shape in laws[0].space.shapes.items()}


@given(laws=random_laws(), settings=settings_of_sgd(), seed=st.integers(0, 2**32 - 1))
def test_any_law_of_degree_two_is_predicted_from_the_start(laws, settings, seed):
    rng = np.random.default_rng(seed)
    sgd, balance, theta = Sgd(**settings), LawBalance(laws, **settings), start(laws, rng)
    for _ in range(8):
        grads = orthogonal_gradient(laws, theta, rng)
        scale, lr = rng.uniform(-1, 2), settings["lr"] * rng.uniform(0, 2)
        result = balance.step(theta, grads, lr=lr, scale=scale)
        np.testing.assert_allclose(result.measured, [law.evaluate(theta) for law in laws], rtol=1e-10, atol=1e-10)
        theta = sgd.step(theta, grads, lr=lr, scale=scale)
    summary = balance.finish(theta)
    assert not summary.alarm
    assert summary.largest_residual.max() < ROUNDING
    assert summary.largest_from_start.max() < ROUNDING
    np.testing.assert_allclose(balance.predict()[-1], summary.predicted, rtol=1e-12, atol=1e-12)


@given(laws=random_laws(), settings=settings_of_sgd(), seed=st.integers(0, 2**32 - 1))
def test_a_fault_is_divided_into_gradient_and_update(laws, settings, seed):
    """A gradient with overlap, and an update that is off: the two parts are the two effects, to rounding."""
    rng = np.random.default_rng(seed)
    sgd, balance, theta = Sgd(**settings), LawBalance(laws, **settings), start(laws, rng)
    for step in range(4):
        grads = orthogonal_gradient(laws, theta, rng)
        if step == 3:
            grads = {name: value + rng.normal(size=value.shape) for name, value in grads.items()}
        balance.step(theta, grads)
        after = sgd.step(theta, grads)
        if step == 3:
            executed = np.array([law.evaluate(after) for law in laws])
            after = {name: value + rng.normal(size=value.shape) for name, value in after.items()}
        theta = after
    result = balance.check(theta)
    measured = np.array([law.evaluate(theta) for law in laws])
    np.testing.assert_allclose(result.executed, executed, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(result.update_fault, (measured - executed) / result.scale, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(result.gradient_fault + result.update_fault, result.residual, rtol=1e-9, atol=1e-12)


@given(laws=random_laws(), seed=st.integers(0, 2**32 - 1), lr=st.sampled_from([1e-3, 0.05, 1.0]))
def test_a_gradient_with_overlap_shows_in_proportion(laws, seed, lr):
    """Plain SGD: the residual is -lr <grad h, G> over the scale, of each law."""
    rng = np.random.default_rng(seed)
    theta = start(laws, rng)
    grads = {name: rng.normal(size=value.shape) for name, value in theta.items()}
    balance = LawBalance(laws, lr=lr)
    balance.step(theta, grads)
    result = balance.check({name: theta[name] - lr * grads[name] for name in theta})
    overlaps = [sum(float(law.gradient(theta)[name] @ grads[name]) for name in theta) for law in laws]
    np.testing.assert_allclose(result.residual * result.scale, -lr * np.array(overlaps), rtol=1e-8, atol=1e-10)
