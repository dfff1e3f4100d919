"""Entropy and mutual information of discrete variables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.checks import positive_int, probability
from lielaws.errors import InvalidArgumentError
from lielaws.information.samples import Sample


def plug_in(counts: IntArray) -> float:
    """The entropy of the observed frequencies."""
    seen = counts[counts > 0]
    share = seen / seen.sum()
    return float(-(share * np.log(share)).sum())


def joint_codes(*codes: IntArray) -> IntArray:
    return np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def entropy(codes: IntArray) -> float:
    """Plug-in with the correction of Miller (1955) and Madow: plus (number of values seen - 1) / 2n."""
    counts = np.bincount(codes)
    return plug_in(counts) + (np.count_nonzero(counts) - 1) / (2 * len(codes))


def information(x: IntArray, z: IntArray) -> float:
    """H(X) + H(Z) - H(X, Z)."""
    return entropy(x) + entropy(z) - entropy(joint_codes(x, z))


def conditional(x: IntArray, y: IntArray, z: IntArray) -> float:
    """I(X; Y | Z) = H(X, Z) + H(Y, Z) - H(X, Y, Z) - H(Z)."""
    return entropy(joint_codes(x, z)) + entropy(joint_codes(y, z)) - entropy(joint_codes(x, y, z)) - entropy(z)


def coverage(codes: IntArray) -> float:
    """The estimated probability that the next sample is of a value seen before: 1 - (values seen once) / n.

    Good, Biometrika 40, 237 (1953), after Turing.
    """
    return 1 - float(np.count_nonzero(np.bincount(codes) == 1)) / len(codes)


@dataclass(frozen=True, slots=True)
class EntropyBounds:
    """Bounds of the entropy in nats that hold with the stated probability, whatever the distribution.

    low, high : the bounds
    plug_in : the entropy of the observed frequencies
    alphabet : how many values are possible
    """

    low: float
    high: float
    plug_in: float
    alphabet: int
    samples: int
    confidence: float

    def __str__(self) -> str:
        return (
            f"H in [{self.low:.4g}, {self.high:.4g}] nats with probability {self.confidence:.0%} at least, "
            f"{self.samples} samples of {self.alphabet} possible values"
        )


def entropy_bounds(z: Any, *, alphabet: int, confidence: float = 0.95) -> EntropyBounds:
    """Bounds of H(Z) for independent samples, without any assumption on their distribution.

    Parameters
    ----------
    z : (n, ...) samples, numbers or names
    alphabet : how many values are possible, at least as many as were seen; it cannot be read off the samples

    The plug-in entropy concentrates about its mean, P(|H_n - E H_n| > t) <= 2 exp(-n t^2 / (2 log(n)^2)) (Antos and
    Kontoyiannis, Random Structures & Algorithms 19, 163, 2001), and its bias is between -log(1 + (K - 1) / n) and 0
    (Paninski, Neural Computation 15, 1191, 2003). Always 0 <= H <= log K. For a deterministic representation Z = f(X)
    it bounds I(X; Z) = H(Z); in general I(X; Z) <= min(H(X), H(Z)).
    """
    sample, level = Sample.of("z", z), probability("confidence", confidence)
    size = positive_int("alphabet", alphabet)
    if size < sample.distinct:
        raise InvalidArgumentError("alphabet", size, f"{sample.distinct} different values were seen; at least as many")
    value, count = plug_in(np.bincount(sample.codes)), sample.count
    spread = math.log(count) * math.sqrt(2 * math.log(2 / (1 - level)) / count)
    return EntropyBounds(
        low=max(0.0, value - spread),
        high=min(math.log(size), value + spread + math.log1p((size - 1) / count)),
        plug_in=value,
        alphabet=size,
        samples=count,
        confidence=level,
    )
