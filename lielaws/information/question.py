"""What is asked of an estimate, checked, and the three forms that an answer can have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.checks import choice, flag, integer, nonnegative, probability
from lielaws.errors import InvalidArgumentError
from lielaws.information.estimated_information import MutualInformation
from lielaws.information.resampling import Spread

_LEAST_RESAMPLES, _MOST_RESAMPLES = 20, 100_000
_LARGEST_SEED = 2**63 - 1
_STREAM = 0x4C49454C


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    quantity : what is estimated, without noise
    noise : the standard deviation of noise added to Z, or None
    deterministic : whether the caller says that Z is a function of X
    """

    quantity: str
    method: str
    noise: float | None
    deterministic: bool
    resamples: int
    confidence: float
    seed: int

    @classmethod
    def of(
        cls,
        quantity: str,
        methods: tuple[str, ...],
        method: Any,
        noise: Any,
        deterministic: Any,
        resamples: Any,
        confidence: Any,
        seed: Any,
    ) -> Question:
        choice("method", method, methods)
        if deterministic is not None:
            deterministic = flag("deterministic", deterministic, "True, False, or None for unknown")
        sigma = None if noise is None else _standard_deviation("noise", noise)
        if sigma == 0 and deterministic is False:
            raise InvalidArgumentError(
                "noise", noise, "0 says that Z is a function of X, and deterministic=False denies it"
            )
        known = bool(deterministic) or sigma == 0
        if method == "channel" and not (known and sigma):
            remedy = "it is for a function of X with noise: deterministic=True and noise > 0 are needed"
            raise InvalidArgumentError("method", method, remedy)
        return cls(
            quantity=quantity
            if not sigma
            else quantity.replace("Z", "Z + N") + f", N of standard deviation {sigma:.6g}",
            method=method,
            noise=sigma,
            deterministic=known,
            resamples=integer("resamples", resamples, _LEAST_RESAMPLES, _MOST_RESAMPLES),
            confidence=probability("confidence", confidence),
            seed=integer("seed", seed, 0, _LARGEST_SEED),
        )

    def generator(self) -> np.random.Generator:
        """Not the stream of default_rng(seed), with which callers often draw their data: noise must not repeat it."""
        return np.random.default_rng((self.seed, _STREAM))

    def known(self, value: float, count: int, *warnings: str) -> MutualInformation:
        """An exact value."""
        return MutualInformation(value, value, value, "exact", warnings, None, self.quantity, count, self.confidence, 0)

    def refuse(self, method: str, reason: str, count: int) -> MutualInformation:
        nan = math.nan
        return MutualInformation(nan, nan, nan, method, (), reason, self.quantity, count, self.confidence, 0)

    def estimated(
        self,
        method: str,
        found: Spread,
        exponent: float,
        count: int,
        warnings: tuple[str, ...],
        high: float | None = None,
        ceiling: float = math.inf,
    ) -> MutualInformation:
        """With another upper end of the interval, and with what the information cannot exceed."""
        low, top = found.interval(self.confidence, exponent)
        top = top if high is None else max(top, high)
        return MutualInformation(
            value=min(max(found.value, 0.0), ceiling),
            low=min(low, ceiling),
            high=min(top, ceiling),
            method=method,
            warnings=warnings,
            refused=None,
            quantity=self.quantity,
            samples=count,
            confidence=self.confidence,
            resamples=self.resamples,
        )


def _standard_deviation(argument: str, value: Any) -> float:
    try:
        return nonnegative(argument, value)
    except InvalidArgumentError:
        remedy = "a standard deviation, a finite number >= 0, is needed"
        raise InvalidArgumentError(argument, value, remedy) from None
