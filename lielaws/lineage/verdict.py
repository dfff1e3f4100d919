"""What the lineage test says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.laws.law import Law

COMPATIBLE = "compatible"
INCOMPATIBLE = "not compatible"
UNDECIDABLE = "undecidable"

_MOST_LINES = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Lineage:
    """Whether the laws of one model allow it to be fine-tuned from the other by gradient steps. Arrays: (laws,).

    decision : "compatible", "not compatible" or "undecidable"
    reason : in a sentence
    laws : those that were compared
    parent, child : their values
    expected : those of the parent, shrunk by the weight decay
    allowed : how far from there a run can lead; see `source` and `assumptions`
    scale : for each law the sum of squares of its entries, the larger of both models
    usual : how far a run is assumed to move them, where nothing is known of it; infinite elsewhere
    excess, unusual : the largest |child - expected| over `allowed` and over `usual`; above 1 no run of this kind leads
        there, or no usual one
    p_value : the probability that an unrelated model matches as well, by the order of its units; 1 where that says
        nothing
    chance : how that probability was found: "orders of the units", or "a density" where there are too few of them
    significance : the p-value up to which a match is no chance
    shrink : the factor of the laws under weight decay, given or fitted
    source, assumptions : what `allowed` comes from, and what has to be true for the decision
    proved : whether the assumptions are nothing but what the caller said of the run
    notes : further findings
    skipped : names of the laws that were not used
    """

    decision: str
    reason: str
    laws: tuple[Law, ...]
    parent: FloatArray
    child: FloatArray
    expected: FloatArray
    allowed: FloatArray
    scale: FloatArray
    usual: FloatArray
    excess: float
    unusual: float
    p_value: float
    chance: str
    significance: float
    shrink: float
    source: str
    assumptions: tuple[str, ...]
    proved: bool
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def compatible(self) -> bool:
        return self.decision == COMPATIBLE

    @property
    def violated(self) -> IntArray:
        """Numbers of the laws that moved further than a run can move them, or usually does, the worst first."""
        ratio = ratios(self.child - self.expected, np.minimum(self.allowed, self.usual))
        found = np.flatnonzero(ratio > 1)
        return np.asarray(found[np.argsort(-ratio[found], kind="stable")])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "decision": self.decision,
            "reason": self.reason,
            "excess": _plain(self.excess),
            "unusual": _plain(self.unusual),
            "p_value": self.p_value,
            "chance": self.chance,
            "significance": self.significance,
            "shrink": self.shrink,
            "source": self.source,
            "assumptions": list(self.assumptions),
            "proved": self.proved,
            "notes": list(self.notes),
            "skipped": list(self.skipped),
            "laws": [
                {
                    "name": law.name,
                    "parent": float(self.parent[k]),
                    "child": float(self.child[k]),
                    "expected": float(self.expected[k]),
                    "allowed": _plain(self.allowed[k]),
                    "usual": _plain(self.usual[k]),
                    "scale": float(self.scale[k]),
                }
                for k, law in enumerate(self.laws)
            ],
        }

    def __str__(self) -> str:
        lines = [
            f"{self.decision}: {self.reason}",
            f"  {len(self.laws)} laws, allowed drift from {self.source}",
            f"  largest drift over what is allowed  {self.excess:.3g}",
            f"  an unrelated model matches as well  p = {self.p_value:.2g}, {self.chance}, of {self.significance:g}",
        ]
        if np.isfinite(self.usual).any():
            lines.append(f"  largest drift over what is usual    {self.unusual:.3g}")
        if self.shrink != 1:
            lines.append(f"  weight decay shrank the laws by     {self.shrink:.6g}")
        violated = self.violated
        lines += [f"  {self._line(int(k))}" for k in violated[:_MOST_LINES]]
        if len(violated) > _MOST_LINES:
            lines.append(f"  and {len(violated) - _MOST_LINES} more")
        lines += [f"  assumed: {text}" for text in self.assumptions]
        lines += [f"  note: {text}" for text in self.notes]
        return "\n".join(lines)

    def _line(self, k: int) -> str:
        moved = f"{self.laws[k].name}: {self.parent[k]:.6g} -> {self.child[k]:.6g}"
        return f"{moved}, expected {self.expected[k]:.6g} within {min(self.allowed[k], self.usual[k]):.3g}"

    def __repr__(self) -> str:
        return (
            f"Lineage({self.decision!r}, excess={self.excess:.3g}, p_value={self.p_value:.2g}, {len(self.laws)} laws)"
        )


def _plain(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def ratios(difference: FloatArray, allowed: FloatArray) -> FloatArray:
    """|difference| / allowed; 0 where nothing moved, whatever is allowed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.abs(difference) / allowed
    return np.asarray(np.where(difference == 0, 0.0, found))
