"""Trained networks for the tests: real digits, and blobs that need no other package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

import lielaws
from lielaws.modification import Model, as_model, fine_tune


@dataclass(frozen=True, eq=False)
class Trained:
    """A ReLU network with one hidden layer, its training data, and its accuracy on other data."""

    model: Model
    x: np.ndarray
    y: np.ndarray
    test: tuple[np.ndarray, np.ndarray]

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x, self.y

    @property
    def accuracy(self) -> float:
        return float((outputs(self.model.params, self.test[0]).argmax(axis=1) == self.test[1]).mean())


def hidden(params, x):
    return np.maximum(x @ params["W1"].T + params["b1"], 0)


def outputs(params, x):
    """The network once more, written independently."""
    return hidden(params, x) @ params["W2"].T + params["b2"]


def cross_entropy(params, x, y):
    z = outputs(params, x)
    z = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]))


def probabilities(params, x):
    z = outputs(params, x)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def trained(x, y, width: int, split: int, steps: int) -> Trained:
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    network = lielaws.mlp([x.shape[1], width, int(y.max()) + 1], bias=True, output_bias=True)
    scale = {1: 0.0, 2: np.sqrt(2 / x.shape[1])}
    start = {name: rng.normal(size=shape) * scale[len(shape)] for name, shape in network.parameters.items()}
    train = x[:split], y[:split]
    model = fine_tune(as_model(network, start), train, rate=0.2, steps=steps, batch=64, momentum=0.9).after
    return Trained(model, *train, (x[split:], y[split:]))


@cache
def digits() -> Trained:
    from sklearn.datasets import load_digits

    found = load_digits()
    return trained(found.data / 16, found.target, width=32, split=1400, steps=250)


@cache
def blobs() -> Trained:
    """Four clusters in six dimensions that overlap a little."""
    rng = np.random.default_rng(1)
    y = np.arange(400) % 4
    centres = 1.5 * rng.normal(size=(4, 6))
    return trained(centres[y] + 0.5 * rng.normal(size=(400, 6)), y, width=12, split=300, steps=80)
