"""A list of laws that the user brings: which hold, are they independent, and are they all?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.discover import count_dimensions, laws_of_theorem, prepare
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.laws.breaking import Counterexample, find_counterexample
from lielaws.engine.laws.expressions import StateFunction, at_random_state
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.verify import identity_holds
from lielaws.engine.linalg import Echelon
from lielaws.errors import ExactnessError, InvalidArgumentError
from lielaws.questions import Settings, as_question
from lielaws.report.report import read_laws

# Random points at which a gradient has to be a combination: each errs with a probability of the degree over 2^30.
_TRIES = 4


@dataclass(frozen=True, slots=True)
class CheckedLaw:
    """One candidate of the user.

    label : where it stands in the user's list
    holds : proved to be a law, with error probability below 2^-100
    counterexample : parameters and a member along which it changes, if it does not hold and the network is not large
    redundant : a function of the laws before it
    """

    label: str
    expr: Any
    holds: bool
    counterexample: Counterexample | None
    redundant: bool


@dataclass(frozen=True, slots=True)
class LawCheck:
    """The verdict on a list.

    n_laws : at most so many independent laws exist
    n_independent : among those of the list that hold
    """

    architecture: str
    laws: tuple[CheckedLaw, ...]
    n_laws: int
    n_independent: int

    @property
    def all_hold(self) -> bool:
        return all(law.holds for law in self.laws)

    @property
    def independent(self) -> bool:
        """Whether all hold and none is a function of the others."""
        return self.all_hold and not any(law.redundant for law in self.laws)

    @property
    def missing(self) -> int:
        """How many independent laws the list lacks at most."""
        return self.n_laws - self.n_independent

    @property
    def complete(self) -> bool:
        return self.missing == 0

    def __str__(self) -> str:
        lines = [self.architecture]
        for law in self.laws:
            verdict = "law" if law.holds else "NOT A LAW"
            lines.append(f"  {verdict}{', a function of those before' if law.redundant else ''}: {law.label}")
            if law.counterexample is not None:
                lines.append(f"      {law.counterexample}")
        verdict = "the list is complete" if self.complete else f"{self.missing} missing"
        lines.append(f"  {self.n_independent} independent laws of at most {self.n_laws}: {verdict}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        return {
            "architecture": self.architecture,
            "laws": [
                {
                    "label": law.label,
                    "expr": str(law.expr),
                    "holds": law.holds,
                    "redundant": law.redundant,
                    "counterexample": law.counterexample and law.counterexample.to_dict(),
                }
                for law in self.laws
            ],
            "n_laws": self.n_laws,
            "n_independent": self.n_independent,
            "missing": self.missing,
            "complete": self.complete,
        }


def check_laws(arch: Any, laws: Any, **settings: Any) -> LawCheck:
    """Check a list of candidate laws.

    Parameters
    ----------
    arch : as for :func:`lielaws.discover_laws`
    laws : sympy expressions in entries such as W1[0, 2], :class:`Law` objects, or text: one candidate a line, such as
        "W1 @ W1.T - W2.T @ W2" (all entries) or "W1[0,0]**2 - W2[0,0]**2"; polynomial or rational
    settings : flow, loss, gates and seed as for :func:`lielaws.discover_laws`

    Raises a LieLawsError for input that cannot be used.
    """
    architecture, chosen = as_question(arch, Settings(**settings))
    architecture, fields = prepare(architecture, chosen)
    growth = count_dimensions(fields, np.random.default_rng(chosen.seed))
    rng = np.random.default_rng(chosen.seed)
    candidates = _candidates(laws, fields)
    functions = [StateFunction.of(expression, fields.space) for _, expression in candidates]
    holds = [_holds(function, fields, rng) for function in functions]
    kept = _independent([f for f, good in zip(functions, holds, strict=True) if good], fields, rng)
    new = iter(kept)
    checked = []
    for (label, expression), function, good in zip(candidates, functions, holds, strict=True):
        # Thousands of numbers would help nobody.
        broken = None if good or fields.theorem is not None else find_counterexample(function, fields, rng)
        checked.append(CheckedLaw(label, expression, good, broken, good and not next(new)))
    return LawCheck(architecture.name, tuple(checked), fields.space.dimension - growth.rank, sum(kept))


def _holds(function: StateFunction, fields: VectorFields, rng: np.random.Generator) -> bool:
    """Whether it is a law: an identity, or, where a theorem tells all laws, a function of these.

    Raises ExactnessError if neither can be decided.
    """
    if fields.theorem is None:
        return identity_holds(function, fields, rng)
    laws = laws_of_theorem(fields)

    def combines(state: IntArray, prime: int) -> bool:
        return laws.combines(function.gradients(state, prime)[0], state[0], prime)

    if all(at_random_state(combines, fields.space, rng, str(function.expression)) for _ in range(_TRIES)):
        return True
    if len(laws) < fields.space.dimension - fields.theorem.ranks[-1]:
        raise ExactnessError(f"{function.expression}: whether it is conserved could neither be proved nor refuted")
    return False


def _candidates(laws: Any, fields: VectorFields) -> list[tuple[str, Any]]:
    alone = isinstance(laws, str | Mapping) or not isinstance(laws, Iterable)
    entries: Sequence[Any] = [laws] if alone else list(laws)
    found: list[tuple[str, Any]] = []
    for entry in entries:
        if isinstance(entry, Law):
            found.append((entry.name, entry.expr))
        elif isinstance(entry, str):
            found += [(text.label, text.expr) for text in read_laws(entry, fields.space)]
        else:
            found.append((str(entry), entry))
    if not found:
        raise InvalidArgumentError("laws", laws, "at least one candidate is needed")
    return found


def _independent(functions: Sequence[StateFunction], fields: VectorFields, rng: np.random.Generator) -> list[bool]:
    """For each function, whether its gradient is independent of those before it at a generic point."""

    def independent(state: IntArray, prime: int) -> list[bool]:
        echelon = Echelon(fields.space.dimension, prime)
        return [len(echelon.extend(function.gradients(state, prime))) > 0 for function in functions]

    found: list[bool] = at_random_state(independent, fields.space, rng, "the laws")
    return found
