"""Where to go back to when a square root does not exist: only what entered since the roots before is drawn again.

A network with many roots would otherwise need a draw for every combination of their signs. Each draw of a stage
succeeds about half of the time, whatever was drawn before it, so that for each root a point is about twice as likely
as it would be without roots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lielaws.checker.tape import Tape, Wire, sources


@dataclass(frozen=True, slots=True)
class Stage:
    """What can be drawn again for one root.

    own : leaves that no earlier root depends on
    shared : leaves that no root nested less deeply depends on
    """

    own: frozenset[Wire]
    shared: frozenset[Wire]


class Stages:
    """The stages of the roots among some wires, which are listed in the order of evaluation."""

    def __init__(self, tape: Tape, wires: Sequence[Wire]) -> None:
        self._tape, self._wires = tape, wires
        self._place = {wire: k for k, wire in enumerate(wires)}
        below: dict[Wire, frozenset[Wire]] = {}
        height: dict[Wire, int] = {}
        roots: list[Wire] = []
        for wire in wires:
            step = tape.steps[wire]
            inputs = [source for source in sources(step) if source in below]
            leaves = frozenset([wire]) if step[0] == "leaf" else frozenset()
            below[wire] = leaves.union(*(below[source] for source in inputs))
            is_root = step[:2] == ("function", "sqrt")
            height[wire] = max((height[source] for source in inputs), default=0) + is_root
            roots += [wire] * is_root
        self.of: dict[Wire, Stage] = {}
        seen: frozenset[Wire] = frozenset()
        lower = {level: frozenset[Wire]() for level in range(len(roots) + 2)}
        for root in roots:
            for level in range(height[root] + 1, len(lower)):
                lower[level] = lower[level] | below[root]
        for root in roots:
            self.of[root] = Stage(below[root] - seen, below[root] - lower[height[root]])
            seen |= below[root]

    def first_user(self, leaves: frozenset[Wire]) -> int:
        """The position of the first wire that reads one of the leaves."""
        for place, wire in enumerate(self._wires):
            if not leaves.isdisjoint(sources(self._tape.steps[wire])):
                return place
        return len(self._wires)
