"""Mutual informations with known answers."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_ndtr, ndtr

from lielaws.arraytypes import FloatArray


def gaussian_pair(count: int, width: int, rho: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    """Pairs of coordinates of correlation rho, and -width log(1 - rho^2) / 2."""
    x = rng.normal(size=(count, width))
    z = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=(count, width))
    return x, z, -width * math.log(1 - rho**2) / 2


def overlapping_classes(count: int, classes: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    """X uniform on 0..m-1 and Z uniform on [X, X + 2]: log m - (m - 1) log 2 / m (Gao et al., 2017, section 5)."""
    x = rng.integers(0, classes, count)
    return x.astype(float), x + 2 * rng.random(count), math.log(classes) - (classes - 1) * math.log(2) / classes


def rectified(count: int, rho: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    """X Gaussian and Z = max(V, 0) with V of correlation rho: half of the samples are 0. The truth by integration."""
    x, v, _ = gaussian_pair(count, 1, rho, rng)
    grid = np.linspace(-8, 8, 2001)
    step, spread = grid[1] - grid[0], math.sqrt(1 - rho**2)
    density = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi)
    atom = np.sum(density * ndtr(-rho * grid / spread) * (log_ndtr(-rho * grid / spread) - math.log(0.5))) * step
    above = grid[grid > 0]
    scaled = (above - rho * grid[:, None]) / spread
    log_ratio = -(scaled**2) / 2 - math.log(spread) + above**2 / 2
    joint = density[:, None] * np.exp(-(scaled**2) / 2) / (math.sqrt(2 * math.pi) * spread)
    return x, np.maximum(v, 0), float(atom + np.sum(joint * log_ratio) * step**2)


def table_information(table: FloatArray) -> float:
    """Of two discrete variables with this joint distribution."""
    outer = table.sum(axis=1, keepdims=True) * table.sum(axis=0)
    kept = table > 0
    return float(np.sum(table[kept] * np.log(table[kept] / outer[kept])))
