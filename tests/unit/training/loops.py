"""Training loops for the tests: networks, minibatches, and SGD with the semantics of torch.optim.SGD, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import lielaws
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial

Arrays = dict[str, np.ndarray]


@dataclass
class Sgd:
    """torch.optim.SGD tensor by tensor; decoupled decay first, as in AdamW. Settings by name where they differ."""

    lr: Any = 0.01
    momentum: Any = 0.0
    dampening: Any = 0.0
    nesterov: Any = False
    weight_decay: Any = 0.0
    decoupled_decay: Any = 0.0
    buffers: Arrays = field(default_factory=dict)

    def step(self, params: Arrays, grads: Arrays, lr: Any = None, scale: Any = 1.0) -> Arrays:
        return {name: self._one(name, params[name], grads[name], lr, scale) for name in params}

    def _one(self, name: str, theta: np.ndarray, grad: np.ndarray, lr: Any, scale: Any) -> np.ndarray:
        def of(value: Any) -> Any:
            return value[name] if isinstance(value, Mapping) else value

        rate, momentum = of(self.lr if lr is None else lr), of(self.momentum)
        update = grad * of(scale) + of(self.weight_decay) * theta
        if momentum != 0:
            if name in self.buffers:
                self.buffers[name] = momentum * self.buffers[name] + (1 - of(self.dampening)) * update
            else:
                self.buffers[name] = update.copy()
            buffer = self.buffers[name]
            update = update + momentum * buffer if of(self.nesterov) else buffer
        return (theta * (1 - rate * of(self.decoupled_decay)) - rate * update).astype(theta.dtype)


@dataclass(frozen=True)
class Problem:
    """A network with its laws, data and a loss."""

    network: lielaws.Architecture
    report: lielaws.Report
    x: np.ndarray
    y: np.ndarray
    loss: str = "squares"
    params: Arrays = field(default_factory=dict)

    def gradient(self, params: Arrays, rng: np.random.Generator, batch: int = 16) -> Arrays:
        rows = rng.integers(0, len(self.x), batch)
        return self.gradient_at(params, rows)

    def gradient_at(self, params: Arrays, rows: np.ndarray, labels: np.ndarray | None = None) -> Arrays:
        targets = (self.y if labels is None else labels)[rows]
        output = self.network.forward(params, self.x[rows])
        if self.loss == "cross_entropy":
            output = softmax(output)
        cotangent = (output - targets) / len(rows)
        grads = self.network.pullback(params, self.x[rows], cotangent)
        return {name: np.asarray(value) for name, value in grads.items()}

    def start(self, dtype: Any = np.float64) -> Arrays:
        return {name: value.astype(dtype) for name, value in self.params.items()}


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def initial(network: lielaws.Architecture, rng: np.random.Generator) -> Arrays:
    """Gaussian of variance one over the fan-in; biases too, so that no law is trivial."""
    return {
        name: rng.normal(size=shape) / np.sqrt(shape[-1] if len(shape) > 1 else 4)
        for name, shape in network.parameters.items()
    }


@cache
def problem(kind: str) -> Problem:
    """Networks whose laws are quadratic, mixed, linear, or all entries of a matrix."""
    rng = np.random.default_rng(7)
    loss = "squares"
    if kind == "relu":
        network = lielaws.mlp([6, 5, 3])
    elif kind == "relu+bias":
        network = lielaws.mlp([4, 5, 4, 3], bias=True)
    elif kind == "linear":
        network = lielaws.linear([4, 5, 3])
    elif kind == "exp+bias":  # b - |u|^2 / 2
        network = lielaws.mlp([2, 3, 2], activation="exp", bias=True)
    elif kind == "softmax":  # sums of columns and of the last bias are linear laws
        network, loss = lielaws.mlp([4, 4, 3], bias=True, output_bias=True), "cross_entropy"
    else:
        raise ValueError(kind)
    report = lielaws.discover_laws(network, loss="cross_entropy" if loss == "cross_entropy" else "any")
    x = rng.normal(size=(64, *network.data["x"])) / 2
    y = rng.normal(size=(64, *network.output_shape))
    if loss == "cross_entropy":
        y = np.eye(y.shape[1])[y.argmax(axis=1)]
    return Problem(network, report, x, y, loss, initial(network, rng))


KINDS = ("relu", "relu+bias", "linear", "exp+bias", "softmax")


def law_of(terms: Mapping[tuple[int, ...], int], shapes: Mapping[str, tuple[int, ...]]) -> Law:
    return Law(Polynomial.of(terms), StateSpace(dict(shapes)))


Step = Callable[["Loop", Arrays, Arrays], tuple[Arrays, Arrays]]


@dataclass
class Loop:
    """A training loop with a monitor, and perhaps a fault from some step on.

    A step is a function of the loop, the parameters and the gradient of the loss at them; it returns the gradient that
    is handed to monitor and optimizer, and the parameters that the optimizer makes.
    """

    problem: Problem
    sgd: Sgd
    rng: np.random.Generator
    schedule: Callable[[int], float] | None = None
    count: int = 0
    seen: list[Arrays] = field(default_factory=list)

    @property
    def lr(self) -> float:
        return self.sgd.lr if self.schedule is None else self.schedule(self.count)

    def correct(self, params: Arrays, grads: Arrays) -> tuple[Arrays, Arrays]:
        return grads, self.sgd.step(params, grads, self.lr)


def run(
    loop: Loop,
    balance: Any,
    steps: int,
    fault: Step | None = None,
    at: int = 5,
    dtype: Any = np.float64,
    gradient: Callable[[Arrays], Arrays] | None = None,
) -> Any:
    """The summary of a run whose steps from number `at` on (from 0) are those of `fault`."""
    params = loop.problem.start(dtype)
    for loop.count in range(steps):
        grads = gradient(params) if gradient else loop.problem.gradient(params, loop.rng)
        grads = {name: value.astype(dtype) for name, value in grads.items()}
        loop.seen.append(grads)
        if fault is None or loop.count < at:
            handed, after = loop.correct(params, grads)
        else:
            handed, after = fault(loop, params, grads)
        balance.step(params, handed, lr=loop.lr)
        params = after
    return balance.finish(params)
