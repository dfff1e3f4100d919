"""The relations between the functions of a network, found by differentials.

By the theorem of Ax (Schanuel's conjecture for functions), exponentials exp(u_j) and logarithms log(v_k) are related
only as integer relations sum n_j du_j + sum m_k dv_k / v_k = 0 make them: products of powers on one side, sums on the
other. With derivatives along the data alone one finds what does not depend on data, and so is the same in all samples.
Functions are taken level by level, as those below must have consistent values. Whatever is not understood is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from lielaws.checker.agreement import contradiction
from lielaws.checker.draws import Draw, Group, NoRootError, Rules, drawing_ring
from lielaws.checker.jets import Jets
from lielaws.checker.lattices import Row, fraction_of, kernel_of, last, relations, saturated, unresolved
from lielaws.checker.stages import Stages
from lielaws.checker.tape import Tape, Wire, evaluate, sources

Column = tuple[str, Wire]

_ATTEMPTS = 4000
_SPARE = 3
_MOST_FUNCTIONS = 300
MOST_WORK = 3 * 10**7


class Sharing:
    """The rules of the functions of a tape, and draws that obey them.

    functions : the wires of functions in the order of evaluation
    """

    def __init__(self, tape: Tape, output: Wire, state_leaves: Sequence[Wire], most_work: int = MOST_WORK) -> None:
        self.tape, self.state_leaves = tape, frozenset(state_leaves)
        self.levels: list[int] = []
        for step in tape.steps[: output + 1]:
            below = max((self.levels[wire] for wire in sources(step)), default=0)
            self.levels.append(below + (step[0] == "function"))
        self.functions = [wire for wire, step in enumerate(tape.steps[: output + 1]) if step[0] == "function"]
        self.rules = Rules()
        self._work, self._most_work = 0, most_work
        self._compiled: tuple[int, dict[Wire, Any]] = (0, {})
        self._known_stages: dict[tuple[Wire, ...], Stages | None] = {}
        depth = max(self.levels, default=0)
        if len(self.functions) > _MOST_FUNCTIONS:
            raise unresolved(f"there are more than {_MOST_FUNCTIONS}")
        for level in range(1, depth + 1):
            self._resolve(level)

    def kind(self, wire: Wire) -> str:
        return str(self.tape.steps[wire][1])

    def argument(self, wire: Wire) -> Wire:
        return int(self.tape.steps[wire][2])

    def draw(
        self, ring: Jets, state: Draw | None = None, below: int | None = None, wires: Sequence[Wire] | None = None
    ) -> Draw:
        """A draw of some wires, or of all below a level of functions, at a point where all that is needed exists."""
        if wires is None:
            wires = [wire for wire, level in enumerate(self.levels) if below is None or level < below]
        cost = sum(len(sources(self.tape.steps[wire])) for wire in wires)
        stages, steps = self._stages(wires), self.compiled_in(ring)
        for _ in range(_ATTEMPTS):
            self._work += cost
            if self._work > self._most_work:
                raise unresolved("it takes too long to see how they are related")
            try:
                return Draw(self.tape, wires, self.state_leaves, self.rules, ring, state, stages, steps)
            except (ZeroDivisionError, NoRootError):
                continue
        raise unresolved("no point was found at which all roots and quotients exist")

    def compiled_in(self, ring: Jets) -> dict[Wire, Any]:
        """The steps with their constants in a ring, as far as they were used; one ring at a time is kept."""
        if self._compiled[0] != ring.prime:
            self._compiled = (ring.prime, {})
        return self._compiled[1]

    def _stages(self, wires: Sequence[Wire]) -> Stages | None:
        """Computed once for the same wires; None without roots."""
        key = tuple(wires)
        if key not in self._known_stages:
            roots = any(self.kind(wire) == "sqrt" for wire in self.functions)
            self._known_stages[key] = Stages(self.tape, wires) if roots else None
        return self._known_stages[key]

    def _resolve(self, level: int) -> None:
        """Extend the rules from the functions below a level to those of the level."""
        chosen = [wire for wire in self.functions if self.levels[wire] <= level]
        mixed = [wire for wire in chosen if self.kind(wire) in ("exp", "log")]
        exps = [wire for wire in mixed if self.kind(wire) == "exp"]
        angles = list(dict.fromkeys(self.argument(wire) for wire in chosen if self.kind(wire) in ("cos", "sin")))
        columns = {"mixed": [(self.kind(wire), wire) for wire in mixed], "angle": [("angle", wire) for wire in angles]}
        runs = [Differentials(self, level, [*columns["mixed"], *columns["angle"]]) for _ in range(2)]
        together = group(runs, columns["mixed"])
        tops = [row for row in (*together.zero, *together.free) if self.kind(mixed[last(row)]) == "exp"]
        logs = [k for k, wire in enumerate(mixed) if self.kind(wire) == "log"]
        sequential = any(row[k] for row in tops for k in logs)
        if sequential and any(row[last(row)] != 1 for row in tops):
            raise unresolved("an exponential is a root of arguments of logarithms")
        alone = _without_constants(group(runs, [("exp", wire) for wire in exps]), self, runs, "exp")
        self._refuse_roots_of_exponentials(alone)
        circle = _without_constants(group(runs, columns["angle"]), self, runs, "angle")
        gauss, fixed = self._gauss(level, [wire for wire in chosen if self.kind(wire) == "gauss"])
        if not sequential:
            # Relations of exponentials alone are kept in their group, with constants such as exp(1) told apart.
            zero = [row for row in together.zero if self.kind(mixed[last(row)]) == "log"]
            free = [row for row in together.free if self.kind(mixed[last(row)]) == "log"]
            together = Group(mixed, zero, free)
        self.rules = Rules(alone, circle, together, sequential, gauss, fixed)
        self._confirm(level)

    def _refuse_roots_of_exponentials(self, exps: Group) -> None:
        roots = any(self.kind(wire) == "sqrt" for wire in self.functions)
        if roots and any(row[last(row)] != 1 for row in (*exps.zero, *exps.free)):
            raise unresolved("there are square roots beside exponentials that are powers of others")

    def _gauss(self, level: int, wires: Sequence[Wire]) -> tuple[dict[Wire, tuple[Wire, int]], frozenset[Wire]]:
        """Gaussian integrals of arguments that are equal up to sign, by their values at random points."""
        if not wires:
            return {}, frozenset()
        ring = drawing_ring()
        first = self.draw(ring, None, level)
        second = self.draw(ring, first, level)
        found: dict[Wire, tuple[Wire, int]] = {}
        seen: dict[tuple[int, int], tuple[Wire, int]] = {}
        fixed = set()
        for wire in wires:
            a, b = (draw.values[self.argument(wire)] for draw in (first, second))
            if a == b:
                fixed.add(wire)
            if not a and not b:
                found[wire] = (wire, 0)
                continue
            found[wire] = seen.setdefault((a, b), (wire, 1))
            seen.setdefault((-a % ring.prime, -b % ring.prime), (wire, -1))
        return found, frozenset(fixed)

    def _confirm(self, level: int) -> None:
        """Draws must satisfy all rules, sums and products alike: then no relation holds up to a constant only."""
        ring = drawing_ring()
        first = self.draw(ring, None, level + 1)
        if failure := contradiction(self.tape, self.rules, [first, self.draw(ring, first, level + 1)]):
            raise unresolved(f"relations hold up to constants only ({failure})")


class Differentials:
    """Differentials of exponents, of logarithms and of angles at random points: one row for each point.

    columns : ("exp", wire) and ("angle", wire of the argument), or ("log", wire) for dv / v of the argument v
    """

    def __init__(self, sharing: Sharing, level: int, columns: Sequence[Column]) -> None:
        self.ring, self.columns = drawing_ring(), list(columns)
        self.sharing = sharing
        self.total: list[Row] = []
        self.data: list[Row] = []
        for _ in range(len(columns) + _SPARE if columns else 0):
            self.point = sharing.draw(self.ring, None, level)
            self.total.append(self._row(self.point, frozenset()))
            self.data.append(self._row(self.point, sharing.state_leaves))

    def _row(self, draw: Draw, still: frozenset[Wire]) -> Row:
        """The derivatives along one random direction, in which some leaves stay as they are."""
        values: dict[Wire, Any] = {}
        steps = self.sharing.compiled_in(self.ring)
        for wire, value in draw.values.items():
            if draw.tape.steps[wire][0] == "leaf":
                values[wire] = value if wire in still else (value, self.ring.random())
            else:
                values[wire] = evaluate(steps[wire], values, self.ring, draw.bases.get(wire))
        row = []
        for kind, wire in self.columns:
            jet = values[wire if kind == "angle" else self.sharing.argument(wire)]
            value, slope = (jet, 0) if isinstance(jet, int) else jet
            if kind == "log":
                slope = slope * self.ring.inverse(value) % self.ring.prime
            row.append(slope)
        return row


def group(runs: Sequence[Differentials], columns: Sequence[Column]) -> Group:
    """Relations between some of the columns, found modulo one prime and found again modulo another."""
    found = []
    for kind in ("total", "data") if columns else ():
        lifted = []
        for run in runs:
            places = [run.columns.index(column) for column in columns]
            matrix = [[row[k] for k in places] for row in getattr(run, kind)]
            lifted.append(relations(matrix, len(columns), run.ring.prime))
        if lifted[0] != lifted[1]:
            raise unresolved("relations were not confirmed; check once more")
        found.append(saturated(lifted[0]))
    return Group([wire for _, wire in columns], *found)


def _without_constants(found: Group, sharing: Sharing, runs: Sequence[Differentials], kind: str) -> Group:
    """The relations between exponents (or angles) themselves, among those that hold up to a number."""
    arguments = [sharing.argument(wire) if kind == "exp" else wire for wire in found.members]
    constants: list[Fraction] = []
    for row in found.zero:
        first, second = (
            fraction_of(
                sum(factor * run.point.values[wire] for wire, factor in zip(arguments, row, strict=True)),
                run.ring.prime,
            )
            for run in runs
        )
        if first is None or first != second:
            raise unresolved("exponents or angles differ by a number that is no rational one")
        constants.append(first)
    return Group(found.members, kernel_of(found.zero, constants), found.free) if any(constants) else found
