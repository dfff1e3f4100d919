"""Energies of modes in float64, vectorized over times, in forms that do not cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import FloatArray


@dataclass(frozen=True, slots=True)
class ModeNumbers:
    """A mode in floats; see lielaws.inertia.modes.Mode.

    size : |gamma^2/4 - lambda|, computed exactly before it became a float
    """

    regime: str
    size: float
    multiplicity: int
    eigenvalue: float
    xx: float
    xv: float
    vv: float


def evaluate_modes(
    modes: Sequence[ModeNumbers], gamma: float, sigma: float, times: FloatArray, quantity: str
) -> FloatArray:
    """The sum over all modes of their expected energy, or of its kinetic or potential part, at each time."""
    total = np.zeros(times.shape)
    with np.errstate(over="ignore", under="ignore"):
        for mode in modes:
            total += _one(mode, gamma, sigma, times, quantity)
    return total


def _one(mode: ModeNumbers, gamma: float, sigma: float, times: FloatArray, quantity: str) -> FloatArray:
    C, S, P11, P22 = _damped(mode, gamma, times)
    noise = mode.multiplicity * sigma**2 * (_lasting(gamma, times) / 2 - gamma * S**2 / 4)
    swing = mode.multiplicity * sigma**2 * C * S / 2
    if quantity == "energy" and not (mode.regime == "overdamped" and mode.eigenvalue >= 0):
        return _closed(mode, gamma, times, C, S) + noise
    square = mode.eigenvalue**2 * S**2 * mode.xx - 2 * mode.eigenvalue * S * P22 * mode.xv + P22**2 * mode.vv
    place = mode.eigenvalue * (P11**2 * mode.xx + 2 * P11 * S * mode.xv + S**2 * mode.vv)
    kinetic, potential = (square + noise + swing) / 2, (place + noise - swing) / 2
    if quantity == "kinetic":
        return kinetic
    return potential if quantity == "potential" else (square + place) / 2 + noise


def _closed(mode: ModeNumbers, gamma: float, times: FloatArray, C: FloatArray, S: FloatArray) -> FloatArray:
    """The formula of lielaws.inertia.modes; without friction it is the initial energy, to the last digit."""
    kinetic, potential = mode.vv / 2, mode.eigenvalue * mode.xx / 2
    energy = (kinetic + potential) * (np.exp(-gamma * times) + gamma**2 * S**2 / 2)
    if gamma:
        energy += gamma * (potential - kinetic) * C * S + gamma * mode.eigenvalue * mode.xv * S**2
    return energy


def _damped(
    mode: ModeNumbers, gamma: float, times: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """e^(-gamma t/2) times C, S, C + gamma S/2 and C - gamma S/2."""
    rate = float(np.sqrt(mode.size))
    if mode.regime == "overdamped":
        fast = rate + gamma / 2
        slow = mode.eigenvalue / fast
        envelope, gap = np.exp(-slow * times), np.exp(-2 * rate * times)
        S = envelope * -np.expm1(-2 * rate * times) / (2 * rate)
        C = envelope * (1 + gap) / 2
        # C - gamma S/2 cancels for small lambda, the other form of it near critical damping.
        lean = C - gamma * S / 2 if rate < gamma / 4 else envelope * (fast * gap - slow) / (2 * rate)
        return C, S, C + gamma * S / 2, lean
    half = np.exp(-gamma * times / 2)
    if mode.regime == "critical":
        C, S = half, half * times
    else:
        C, S = half * np.cos(rate * times), half * np.sin(rate * times) / rate
    return C, S, C + gamma * S / 2, C - gamma * S / 2


def _lasting(gamma: float, times: FloatArray) -> FloatArray:
    """(1 - e^(-gamma t))/gamma, which is t without friction."""
    return times.copy() if gamma == 0 else -np.expm1(-gamma * times) / gamma
