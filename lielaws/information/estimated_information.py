"""What is known of one mutual information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MutualInformation:
    """An estimate in nats, or the reason why there is none.

    value : the estimate; nan where it is refused
    low, high : the confidence interval; nan where it is refused
    method : how it was estimated; "exact" where it is known without an estimate
    warnings : where the estimator is known to fail on data like these
    refused : why no number is given, or None
    quantity : what was estimated, such as "I(X; Z)", or "I(X; Z + N)" with the noise that was added
    samples : how many
    confidence : of the interval
    resamples : how many subsamples the interval comes from; 0 where it is exact
    """

    value: float
    low: float
    high: float
    method: str
    warnings: tuple[str, ...] = ()
    refused: str | None = None
    quantity: str = "I(X; Z)"
    samples: int = 0
    confidence: float = 0.95
    resamples: int = 0

    @property
    def exact(self) -> bool:
        """Whether the value is known, not estimated."""
        return self.method == "exact" and self.refused is None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; None stands for a number that was refused."""
        return {
            "quantity": self.quantity,
            "value": _plain(self.value),
            "low": _plain(self.low),
            "high": _plain(self.high),
            "unit": "nats",
            "method": self.method,
            "samples": self.samples,
            "confidence": self.confidence,
            "resamples": self.resamples,
            "warnings": list(self.warnings),
            "refused": self.refused,
        }

    def __str__(self) -> str:
        if self.refused is not None:
            text = f"{self.quantity}: refused ({self.method}, {self.samples} samples): {self.refused}"
        elif self.exact:
            text = f"{self.quantity} = {self.value:.4g} nats, exactly"
        else:
            interval = f"[{self.low:.4g}, {self.high:.4g}] at {self.confidence:.0%}"
            text = f"{self.quantity} = {self.value:.4g} nats, {interval} ({self.method}, {self.samples} samples)"
        return "\n".join([text, *(f"  warning: {warning}" for warning in self.warnings)])


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
