"""Losses with their gradients that several tests of the energy use."""

from __future__ import annotations

import numpy as np


def quartic(x):
    """Anharmonic, in any number of coordinates; takes leading axes."""
    return np.sum(x**2 / 2 + x**4 / 4, axis=-1)


def quartic_gradient(x):
    return x + x**3


def coupled(x):
    """Two coordinates that exchange energy (Henon and Heiles), bounded for energies below 1/6."""
    return (x[..., 0] ** 2 + x[..., 1] ** 2) / 2 + x[..., 0] ** 2 * x[..., 1] - x[..., 1] ** 3 / 3


def coupled_gradient(x):
    first = x[..., 0] + 2 * x[..., 0] * x[..., 1]
    return np.stack([first, x[..., 1] + x[..., 0] ** 2 - x[..., 1] ** 2], axis=-1)


class Quadratic:
    """theta^T A theta / 2; takes leading axes."""

    def __init__(self, A):
        self.A = np.array(A, dtype=float)

    def loss(self, x):
        return np.einsum("...i,ij,...j->...", x, self.A, x) / 2

    def gradient(self, x):
        return x @ self.A


class Regression:
    """A ReLU network 5-8-2 on fixed data; parameters are a mapping."""

    def __init__(self, seed=0, samples=40):
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.normal(size=(samples, 5)), rng.normal(size=(samples, 2))
        self.start = {"W1": rng.normal(size=(8, 5)) / 2, "W2": rng.normal(size=(2, 8)) / 2}

    def loss(self, p, batch=slice(None)):
        residual = np.maximum(self.x[batch] @ p["W1"].T, 0) @ p["W2"].T - self.y[batch]
        return float(np.sum(residual**2) / 2 / len(residual))

    def gradient(self, p, batch=slice(None)):
        x = self.x[batch]
        before = x @ p["W1"].T
        hidden = np.maximum(before, 0)
        residual = (hidden @ p["W2"].T - self.y[batch]) / len(x)
        return {"W1": ((residual @ p["W2"]) * (before > 0)).T @ x, "W2": residual.T @ hidden}
