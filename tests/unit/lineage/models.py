"""Small models and runs for the tests of laws that are followed through modifications."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import lielaws
from lielaws.training import LawBalance, RunBalance
from tests.unit.training.loops import Arrays, Sgd


@cache
def report_of(spec: str) -> lielaws.Report:
    return lielaws.discover_laws(spec)


def random_model(report: lielaws.Report, rng: np.random.Generator, size: float = 1.0) -> Arrays:
    shapes = report.architecture.parameters
    return {name: size * rng.normal(size=shape) / np.sqrt(max(1, shape[-1])) for name, shape in shapes.items()}


def sgd(
    report: lielaws.Report, start: Arrays, steps: int, rng: np.random.Generator, lr: float = 0.05, **settings: Any
) -> tuple[Arrays, RunBalance, list[Arrays]]:
    """Steps towards random targets: the last parameters, the balance of the run, and its gradients."""
    network = report.architecture
    x = rng.normal(size=(64, *next(iter(network.data.values()))))
    y = rng.normal(size=(64, *network.output_shape))
    optimizer, balance = Sgd(lr=lr, **settings), LawBalance(report, lr=lr, **settings)
    params, seen = start, []
    for _ in range(steps):
        rows = rng.integers(0, 64, 16)
        cotangent = (network.forward(params, x[rows]) - y[rows]) / 16
        grads = {name: np.asarray(g) for name, g in network.pullback(params, x[rows], cotangent).items()}
        balance.step(params, grads)
        seen.append(grads)
        params = optimizer.step(params, grads)
    return params, balance.finish(params), seen


def rescaled(model: Arrays, factor: np.ndarray) -> tuple[Arrays, Arrays]:
    """A two-layer ReLU network with the units multiplied by the factors, and the factors by tensor."""
    factors = {"W1": factor[:, None], "W2": (1 / factor)[None, :]}
    return {name: value * factors.get(name, 1.0) for name, value in model.items()}, factors


def norm(grads: Arrays) -> float:
    return float(np.sqrt(sum((g**2).sum() for g in grads.values())))
