"""The laws that gradient steps move by known amounts, and models read as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.laws.law import Law
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.training.forms import LawForms
from lielaws.training.framework_tensors import TOLERANCES

_LARGEST = 1e140


def laws_of(report: Any) -> tuple[Law, ...]:
    """The laws of a report of the gradient flow, or of a sequence; at least one."""
    flow = getattr(report, "flow", None)
    if flow is not None and not isinstance(flow, GradientFlow):
        remedy = f"its laws are those of another flow ({flow}); discover_laws(...) with the gradient flow is needed"
        raise UnsupportedError("report", report, remedy)
    chosen = getattr(report, "laws", report)
    if isinstance(chosen, str | bytes | dict) or not isinstance(chosen, Iterable):
        raise InvalidArgumentError("report", report, "a Report from discover_laws, or a sequence of Law, is needed")
    laws = tuple(chosen)
    for law in laws:
        if not isinstance(law, Law):
            raise InvalidArgumentError("report", law, "a Report from discover_laws, or a sequence of Law, is needed")
        if law.space.clock is not None or law.space.velocities:
            raise UnsupportedError(
                "report", str(law), "laws of the gradient flow are needed, without time and velocity"
            )
    if not laws:
        raise InvalidArgumentError("report", report, "it has no laws, and what nothing conserves tells nothing apart")
    return laws


@dataclass(frozen=True, eq=False)
class Followed:
    """The laws of degree at most two, of which alone the change in a step of SGD is known.

    forms : of them
    skipped : names of the others
    """

    forms: LawForms
    skipped: tuple[str, ...]

    @classmethod
    def of(cls, report: Any, frozen: frozenset[str] = frozenset()) -> Followed:
        """Without the laws that join frozen tensors with trained ones: with the others fixed they are no laws."""
        laws = laws_of(report)
        if getattr(report, "gates", "free") == "realizable":
            remedy = (
                "its laws hold in one region of activation patterns, which a run leaves; discover with gates='free'"
            )
            raise UnsupportedError("report", report, remedy)
        kept = [law for law in laws if law.degree <= 2 and not joins(law, frozen)]
        if not kept:
            remedy = (
                "no law is left: those of degree above 2, and those that join frozen and trained tensors, are not used"
            )
            raise UnsupportedError("report", report, remedy)
        return cls(LawForms.of(kept), tuple(law.name for law in laws if law not in kept))

    @property
    def laws(self) -> tuple[Law, ...]:
        return self.forms.laws

    def read(self, argument: str, model: Any) -> tuple[FloatArray, float]:
        """The entries that laws involve, and the tolerance that their type asks for.

        Raises InvalidArgumentError that names the tensor, for what is missing, of another shape or not finite.
        """
        vector, kind = self.forms.layout.read(argument, arrays_of(model), "as the laws need it")
        largest = float(np.abs(vector).max(initial=0.0))
        if largest > _LARGEST:
            text = f"entries up to {largest:.1e}"
            raise InvalidArgumentError(argument, text, f"their squares are beyond float64; at most {_LARGEST:.0e}")
        return vector, TOLERANCES[kind]

    def values(self, vectors: FloatArray) -> FloatArray:
        """With their constants, shape (models, laws)."""
        pairs: Sequence[tuple[int, int]] = [(k, k) for k in range(len(vectors))]
        return self.forms.bilinear(vectors, pairs) + self.forms.linear_of(vectors) + self.forms.constant

    @property
    def heaviest(self) -> FloatArray:
        """For each law the largest factor of an entry in its sum of squares, shape (laws,)."""
        return np.asarray(self.forms.weights.max(axis=1).toarray()).ravel()

    def squares(self, vector: FloatArray) -> FloatArray:
        """For each law the sum of squares of the entries involved, each with the size of its coefficient."""
        return np.asarray(self.forms.weights @ (vector * vector))


def arrays_of(model: Any) -> Any:
    """The arrays of a `lielaws.modification.Model`; anything else as it is."""
    params = getattr(model, "params", None)
    return params if isinstance(params, Mapping) and not isinstance(model, Mapping) else model


def joins(law: Law, frozen: frozenset[str]) -> bool:
    return bool(frozen & set(law.support)) and not set(law.support) <= frozen


def frozen_names(frozen: Any, laws: Sequence[Law]) -> frozenset[str]:
    if isinstance(frozen, str) or not isinstance(frozen, Iterable):
        raise InvalidArgumentError("frozen", frozen, "a sequence of names of tensors is needed")
    names = frozenset(frozen)
    known = sorted({name for law in laws for name in law.space.parameters})
    for name in names:
        if name not in known:
            raise InvalidArgumentError("frozen", name, f"no tensor of that name; known: {', '.join(known)}")
    return names
