"""Ranks of real gradients and brackets at real points, as an oracle for networks of gates, functions and roots.

In floating point, at points where the gates are what the data make them, with gradients by complex steps of the network
written in numpy: nothing of the library is used for them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import svdvals
from scipy.special import erf

from lielaws import architecture, discover_laws

TINY, STEP = 1e-30, 1e-3


def _named(name):
    return lambda ops, u: getattr(ops, name)(u)


FUNCTIONS = {
    "identity": lambda ops, u: u,
    **{name: _named(name) for name in ("square", "exp", "softplus", "sigmoid", "tanh", "gelu", "sin", "cos")},
    "log": lambda ops, u: ops.log(1 + u**2),
    "root": lambda ops, u: ops.sqrt(1 + u**2),
    "root of a square": lambda ops, u: ops.sqrt((1 + u**2) ** 2),
    "root of exp": lambda ops, u: ops.sqrt(ops.exp(u)),
}
ARGUMENTS = [
    lambda ops, u, v: u,
    lambda ops, u, v: v,
    lambda ops, u, v: -u,
    lambda ops, u, v: u + v,
    lambda ops, u, v: u / 2,
    lambda ops, u, v: ops.relu(u),
    lambda ops, u, v: ops.relu(v),
    lambda ops, u, v: ops.abs(u),
    lambda ops, u, v: ops.maximum(u, v),
    lambda ops, u, v: ops.leaky_relu(u, 2),
    lambda ops, u, v: ops.relu(u) + ops.relu(v),
    lambda ops, u, v: ops.relu(u) * ops.relu(v),
    lambda ops, u, v: ops.relu(ops.relu(u) - v),
]


class Complex:
    """The operations on complex numbers near the real line; gates are those of the real parts."""

    exp, sin, cos, log, sqrt, tanh = np.exp, np.sin, np.cos, np.log, np.sqrt, np.tanh

    def square(self, u):
        return u**2

    def relu(self, u):
        return np.where(u.real > 0, u, 0)

    def leaky_relu(self, u, slope):
        return np.where(u.real > 0, u, slope * u)

    def abs(self, u):
        return np.where(u.real > 0, u, -u)

    def maximum(self, u, v):
        return np.where(u.real > v.real, u, v)

    def softplus(self, u):
        return np.log(1 + np.exp(u))

    def sigmoid(self, u):
        return 1 / (1 + np.exp(-u))

    def gelu(self, u):
        return u * (1 + erf(u / np.sqrt(2))) / 2


def random_network(seed):
    """Up to three terms, each a parameter times factors in which functions are close to being related."""
    rng = np.random.default_rng(seed)
    names = list(FUNCTIONS)
    terms = []
    for _ in range(rng.integers(1, 4)):
        first = names[rng.integers(len(names))]
        factors = []
        for _ in range(rng.integers(1, 3)):
            one, other = (first if rng.random() < 0.75 else names[rng.integers(len(names))] for _ in range(2))
            factors.append((one, other, *rng.integers(0, len(ARGUMENTS), 2), rng.integers(3)))
        terms.append(factors)

    def network(p, x, ops):
        u, v = p["b"] * x[0], p["c"] * x[1]
        total = u * x[1]
        for k, factors in enumerate(terms):
            product = p[f"a{k}"]
            for one, other, i, j, kind in factors:
                left = FUNCTIONS[one](ops, ARGUMENTS[i](ops, u, v))
                right = FUNCTIONS[other](ops, ARGUMENTS[j](ops, u, v))
                product = product * (left - right if kind == 0 else left * right if kind == 1 else left)
            total = total + product
        return total

    return network, ["b", "c", *(f"a{k}" for k in range(len(terms)))]


def _rank(rows, least, tolerance):
    lengths = np.sqrt((rows**2).sum(axis=1))
    kept = rows[lengths > least] / lengths[lengths > least, None]
    singular = svdvals(kept) if len(kept) else np.zeros(1)
    return int((singular > tolerance * max(singular[0], 1e-300)).sum())


def _real_ranks(network, names, seed, samples=80, members=10):
    """The ranks of gradients, and of these with brackets of two, at one real point."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(0, 0.8, len(names))
    x = rng.normal(0, 1.2, (2, samples))

    def gradients(point):
        columns = []
        for k in range(len(names)):
            moved = point + 1j * TINY * (np.arange(len(names)) == k)
            columns.append(network(dict(zip(names, moved, strict=True)), x, Complex()).imag / TINY)
        return np.stack(columns, axis=1)

    def along(direction):
        near, far = (gradients(theta + k * STEP * direction) - gradients(theta - k * STEP * direction) for k in (1, 2))
        return (8 * near - far) / (12 * STEP)

    here = gradients(theta)
    scales = 1 / np.maximum(np.sqrt((here**2).sum(axis=1, keepdims=True)), 1e-9)
    fields = scales * here
    hessians = scales[:, :, None] * np.stack([along(unit) for unit in np.eye(len(names))], axis=2)
    brackets = [scales * along(field) - fields @ hessian.T for field, hessian in zip(fields, hessians, strict=True)]
    return _rank(fields, 1e-6, 1e-10), _rank(np.concatenate([fields, *brackets[:members]]), 1e-3, 1e-6)


@pytest.mark.parametrize("seed", [*range(30), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(30, 300))])
def test_growth_is_that_of_real_points(seed):
    network, names = random_network(seed)
    growth = discover_laws(architecture(network, dict.fromkeys(names, ()), {"x": (2,)}), find_laws=False).growth
    real = [_real_ranks(network, names, point) for point in range(4)]
    assert (growth[0], growth[min(1, len(growth) - 1)]) == tuple(np.max(real, axis=0).tolist())
