"""Effective capacity, measured; and the two rules of thumb about it, which are no theorems."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from lielaws.modification.chain import PRUNE, PRUNE_UNITS, QUANTIZE
from lielaws.modification.clause_rows import Clause, Row, Status, compare
from lielaws.modification.evaluated_chain import Question, Step, View
from lielaws.modification.exact_matrices import exact_rank
from lielaws.modification.tensor_values import exact_number

_FLOAT_BITS = 32


@dataclass(eq=False)
class Capacity:
    """rank(W) * width, summed over the tensors with two axes or more; width is the length of the first axis.

    The rank is that of the float matrix, all axes but the first together, exactly; or the number of singular values
    above a stated tolerance.
    """

    question: Question
    _rows: list[Row] = field(default_factory=list)
    _rules: list[Row] = field(default_factory=list)
    _uncertain: bool = False

    def see(self, step: Step) -> None:
        before, after = capacity(step.before), capacity(step.after)
        self._uncertain |= not all(rank.proved for rank in (*step.before.ranks.values(), *step.after.ranks.values()))
        changed = [name for name, rank in step.after.ranks.items() if rank != step.before.ranks[name]]
        ranks = ", ".join(f"{n} {step.before.ranks[n].value} -> {step.after.ranks[n].value}" for n in changed)
        wanted = (1 - exact_number(self.question.options.capacity_loss)) * before
        note = f"ranks: {ranks}" if ranks else ""
        status: Status = "estimated" if self._uncertain else "proved"
        self._rows.append(compare(step.number, "rank * width", after, ">=", wanted, status=status, note=note))
        rule = _rule(step)
        if rule is not None:
            share, text = rule
            # In these tensors alone: the others do not take part.
            names = step.modification.settings.get("tensors") or tuple(step.after.ranks)
            kept = [capacity(view, names) for view in (step.before, step.after)]
            row = compare(step.number, text, kept[1], ">=", share * kept[0], status="heuristic")
            self._rules.append(row)

    def clauses(self) -> list[Clause]:
        options = self.question.options
        tolerance = options.rank_tolerance
        how = "exact rank of the float matrices" if tolerance is None else f"singular values above {tolerance:g}"
        notes = [how]
        if self._uncertain:
            notes.append("a rank that is not full is proved by many primes; for large matrices up to 2^-100 only")
        claim = f"the effective capacity, sum of rank(W) * width, keeps the share {1 - options.capacity_loss:g}"
        rules = "rules of thumb: capacity keeps (1 - s) of itself after pruning a share s, and b/32 with b bits"
        return [
            Clause("capacity", claim, tuple(self._rows), notes=tuple(notes)),
            Clause("capacity_rules", rules, tuple(self._rules), notes=(rule_example(),)),
        ]


def capacity(view: View, names: tuple[str, ...] | None = None) -> int:
    """rank * width, summed over tensors; all with two axes or more by default."""
    ranks = view.ranks
    chosen = [name for name in (ranks if names is None else names) if name in ranks]
    return sum(ranks[name].value * view.model.shapes[name][0] for name in chosen)


def _rule(step: Step) -> tuple[Fraction, str] | None:
    """The share of the capacity that a rule of thumb says is kept, and the rule."""
    done, settings = step.modification.done, step.modification.settings
    s, b = settings.get("share"), settings.get("bits")
    if done in (PRUNE, PRUNE_UNITS) and isinstance(s, int | float) and 0 <= s <= 1:
        s = exact_number(s)
        return 1 - s, f"(1 - s) after pruning s = {float(s):.4g}"
    if done == QUANTIZE and isinstance(b, int) and b > 0:
        return Fraction(min(b, _FLOAT_BITS), _FLOAT_BITS), f"b/32 with b = {b} bits"
    return None


def rule_example() -> str:
    """A 3 x 3 matrix for each rule that it does not hold for."""
    matrix = np.array([[2.0, 2.0, 1.0], [2.0, 2.0, -1.0], [1.0, -1.0, 0.5]])
    pruned = np.where(np.abs(matrix) == 2.0, matrix, 0.0)
    ranks = exact_rank(matrix).value, exact_rank(pruned).value
    small = np.diag([1.0, 2.0**-20, 2.0**-20])
    rounded = np.rint(small * 32767) / 32767
    coarse = exact_rank(small).value, exact_rank(rounded).value
    return (
        "they are heuristics, and false as theorems: [[2, 2, 1], [2, 2, -1], [1, -1, 1/2]] has rank "
        f"{ranks[0]}, and rank {ranks[1]} once its five smallest entries are pruned (s = 5/9): 1/3 of the capacity is "
        f"left where 4/9 were to be kept; diag(1, 2^-20, 2^-20) has rank {coarse[0]}, and rank {coarse[1]} with 16 "
        "bits: 1/3 where 1/2 was to be kept. So the capacity is measured"
    )
