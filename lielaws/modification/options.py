"""The tolerances and choices of a certificate, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import finite, nonnegative, positive, share
from lielaws.errors import InvalidArgumentError
from lielaws.modification.representation import Reading
from lielaws.modification.smoothness import Smoothness

Tolerances = Mapping[str, float] | float | None
_COARSEST = 1e-2
# What is computed from outputs and features rounds, even where they are taken to be exact.
_FINEST = 2.0**-50


@dataclass(frozen=True, slots=True)
class Options:
    """See :func:`lielaws.modification.certify` for what each of them means."""

    delta: float | None
    epsilon: float
    lower_bound: float | None
    smoothness: Smoothness | None
    feature_tolerance: Tolerances
    drift_tolerance: Tolerances
    kl_tolerance: float | None
    capacity_loss: float
    rank_tolerance: float | None
    weight_decay: float | None
    lipschitz: float | None
    representation: str | None
    reading: Reading
    accuracy: float
    seed: int

    def __post_init__(self) -> None:
        checks: dict[str, Callable[[str, Any], float]] = {
            **dict.fromkeys(("epsilon", "capacity_loss"), share),
            **dict.fromkeys(("kl_tolerance", "rank_tolerance", "accuracy"), nonnegative),
            **dict.fromkeys(("weight_decay", "lipschitz"), positive),
        }
        for name, check in checks.items():
            value = getattr(self, name)
            if value is not None or name in ("epsilon", "capacity_loss", "accuracy"):
                object.__setattr__(self, name, check(name, value))
        for name in ("feature_tolerance", "drift_tolerance"):
            object.__setattr__(self, name, _tolerances(name, getattr(self, name)))
        for name in ("delta", "lower_bound"):
            if getattr(self, name) is not None:
                finite(name, getattr(self, name))
        if self.delta is not None and self.delta <= 0:
            raise InvalidArgumentError("delta", self.delta, "progress needs one delta > 0 for the whole chain")
        if self.accuracy > _COARSEST:
            raise InvalidArgumentError("accuracy", self.accuracy, "a small relative error is needed, such as 1e-12")

    def slack(self, values: FloatArray) -> float:
        """How far a number of some outputs or features may be off."""
        return max(self.accuracy, _FINEST) * (1 + float(np.abs(values).max(initial=0.0)))

    def tolerance(self, name: str, layer: str) -> float | None:
        """The tolerance of one layer, or None."""
        value: Tolerances = getattr(self, name)
        return value.get(layer) if isinstance(value, Mapping) else value


def _tolerances(name: str, value: Any) -> Tolerances:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {str(layer): nonnegative(f"{name}['{layer}']", entry) for layer, entry in value.items()}
    return nonnegative(name, value)
