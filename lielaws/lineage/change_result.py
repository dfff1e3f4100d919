"""What a change of a model did to each law."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.law import Law

UNCHANGED = "unchanged"
REMOVED = "removed"
TRIVIAL = "trivial"
PREDICTED = "predicted"
BOUNDED = "bounded"
MOVED = "moved"
VIOLATED = "violated"

_MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class LawChange:
    """One law before and after.

    before, after, change : its values, each the exact one rounded once; the change is not the difference of the others
    relative : the change over the larger sum of squares of the entries involved
    status : "unchanged", "removed" (all its entries are zero now: its unit is gone), "trivial" (they were zero before),
        "predicted" or "bounded" (by what was said of the change), "moved" (nothing is claimed), "violated" (what was
        said of the change is not so)
    explanation : in a sentence
    predicted : the value that was to be expected, or None
    bound : how far from `before`, or from `predicted`, it can be; rounded upwards; or None
    """

    law: Law
    before: float
    after: float
    change: float
    relative: float
    status: str
    explanation: str
    predicted: float | None = None
    bound: float | None = None

    @property
    def name(self) -> str:
        return self.law.name

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "before": _plain(self.before),
            "after": _plain(self.after),
            "change": _plain(self.change),
            "relative": self.relative,
            "status": self.status,
            "explanation": self.explanation,
            "predicted": None if self.predicted is None else _plain(self.predicted),
            "bound": None if self.bound is None else _plain(self.bound),
        }

    def __str__(self) -> str:
        text = f"{self.name}: {self.before:.9g} -> {self.after:.9g}, {self.status}"
        if self.predicted is not None:
            text += f", predicted {self.predicted:.9g}"
        return text if self.bound is None else f"{text}, within {self.bound:.3g}"


@dataclass(frozen=True, slots=True, repr=False)
class LawChanges:
    """All laws before and after one modification, in the order of the report.

    what : the modification, or None
    laws : one entry for each law
    """

    what: str | None
    laws: tuple[LawChange, ...]

    def __len__(self) -> int:
        return len(self.laws)

    def __getitem__(self, number: int) -> LawChange:
        return self.laws[number]

    @property
    def before(self) -> FloatArray:
        return np.array([law.before for law in self.laws])

    @property
    def after(self) -> FloatArray:
        return np.array([law.after for law in self.laws])

    @property
    def change(self) -> FloatArray:
        return np.array([law.change for law in self.laws])

    @property
    def relative(self) -> FloatArray:
        return np.array([law.relative for law in self.laws])

    @property
    def removed(self) -> tuple[LawChange, ...]:
        return tuple(law for law in self.laws if law.status == REMOVED)

    @property
    def violated(self) -> tuple[LawChange, ...]:
        """The laws at which what was said of the change is not so."""
        return tuple(law for law in self.laws if law.status == VIOLATED)

    @property
    def explained(self) -> bool:
        """Whether every law is where what was said of the change puts it."""
        return all(law.status not in {MOVED, VIOLATED} for law in self.laws)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"what": self.what, "explained": self.explained, "laws": [law.to_dict() for law in self.laws]}

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in Counter(law.status for law in self.laws).items())
        lines = [f"{self.what or 'change'}: {len(self.laws)} law{'s' * (len(self.laws) != 1)}, {counts}"]
        lines.append(f"  largest change {np.abs(self.relative).max():.2e} of the sum of squares of the entries")
        order = sorted(self.laws, key=lambda law: (law.status != VIOLATED, -abs(law.relative)))
        lines += [f"  {law}" for law in order[:_MOST_LINES]]
        if len(order) > _MOST_LINES:
            lines.append(f"  and {len(order) - _MOST_LINES} more")
        lines += [f"  {text}" for text in dict.fromkeys(law.explanation for law in order) if text]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"LawChanges({self.what!r}, {len(self.laws)} laws, explained={self.explained})"


def _plain(number: float) -> float | None:
    """None for what is beyond float64."""
    return number if math.isfinite(number) else None
