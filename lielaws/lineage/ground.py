"""What a decision rests on, and how it follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.lineage.chance import DENSITY, NOTHING, Chance, reordered_match, spreads
from lielaws.lineage.drift import AllowedDrift
from lielaws.lineage.inputs import Models, Options
from lielaws.lineage.units import Units
from lielaws.lineage.verdict import COMPATIBLE, INCOMPATIBLE, UNDECIDABLE

BALANCED = 0.02
"""Laws whose spread between units is below this share of their sums of squares are too near to each other to tell an
unrelated model from an ordinary run, if nothing is known of it."""

NOISE = 3.0
"""What is allowed rests on an assumption about the noise of the run. Up to this factor beyond it, a match that is no
chance is not taken to be refuted: gradients of a few samples each have heavy tails."""


def usual_drift(drift: AllowedDrift, models: Models, units: Units, most_moved: float) -> FloatArray:
    """The share of the spread between units by which a run is assumed to move a law, where there is a spread."""
    reach = spreads(units, drift.expected)
    rounding = models.tolerance * models.scale
    return np.where(reach > BALANCED * models.scale, most_moved * reach + rounding, np.inf)


@dataclass(frozen=True, eq=False)
class Ground:
    """What the decision rests on.

    excess, unusual : for each law |child - expected| over what is allowed, and over what is usual
    """

    models: Models
    drift: AllowedDrift
    usual: FloatArray
    excess: FloatArray
    unusual: FloatArray
    found: Chance
    units: Units
    options: Options

    def decision(self) -> tuple[str, str]:
        matches = self.found.p_value <= self.options.significance
        if matches and not self.drift.proved and 1 < self.excess.max() <= NOISE:
            text = self._worst(self.excess, "further than allowed")
            return UNDECIDABLE, f"{text}, but the match is no chance: a noisier run, or another change"
        if self.excess.max() > 1:
            return INCOMPATIBLE, self._worst(self.excess, "further than allowed")
        if self.unusual.max() > 1 and not matches:
            text = self._worst(self.unusual, "further than a run usually moves it")
            return INCOMPATIBLE, f"{text}, and an unrelated model may match as well"
        if self.unusual.max() > 1:
            text = self._worst(self.unusual, "further than a run usually moves it")
            return UNDECIDABLE, f"{text}, but the match is no chance: a long run, or another change; say more about it"
        if matches:
            return COMPATIBLE, "no law moved further than allowed, and an unrelated model would not match as well"
        return UNDECIDABLE, self._silence()

    def _worst(self, ratio: FloatArray, how: str) -> str:
        worst, count = int(np.argmax(ratio)), int(np.count_nonzero(ratio > 1))
        name = self.models.followed.laws[worst].name
        return f"{count} of {len(ratio)} laws moved {how}, {name} by {ratio[worst]:.3g} times as much"

    def _silence(self) -> str:
        """Why the laws say nothing."""
        if self.found.how == NOTHING:
            return "no law joins the units of two tensors, so that a match by chance cannot be judged"
        chosen = self.units.laws
        reach = spreads(self.units, self.drift.expected)[chosen]
        if np.all(reach <= BALANCED * self.models.scale[chosen]):
            return "the laws are nearly the same for all units (a balanced network), and many models match as well"
        if np.median(self.drift.bound[chosen] / np.maximum(reach, np.finfo(float).tiny)) > 0.5:
            return "what is allowed is as large as the spread of the laws between units: say more about the run"
        if self.found.how == DENSITY:
            return "there are too few units to exclude a match by chance"
        return "no law moved further than allowed, but an unrelated model may match as well"

    def assumptions(self, decision: str) -> tuple[str, ...]:
        found = []
        if np.isfinite(self.usual).any():
            found.append(f"a run moves no law by more than {self.options.most_moved:g} times the spread between units")
        if self.found.how == DENSITY and decision == COMPATIBLE:
            found.append("laws of unrelated models are independent, with densities of at most one over their spread")
        return tuple(found)

    def notes(self, decision: str) -> tuple[str, ...]:
        if np.array_equal(self.models.start, self.models.end):
            return ("the tensors of the laws are the same in both models",)
        if decision != INCOMPATIBLE or not self.units.layers:
            return ()
        limits = replace(self.drift, bound=np.minimum(self.drift.bound, self.usual))
        p = reordered_match(self.units, limits, self.models.after)
        return () if p is None or p > self.options.significance else (_REORDERED,)


_REORDERED = (
    "in another order of its units the laws of the child are within what is allowed: gradient steps keep the order, "
    "but it may have been changed afterwards"
)
