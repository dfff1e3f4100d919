"""What two modifications promise exactly: rescaling keeps the function, quantization moves by half a step at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import LieLawsError
from lielaws.modification.chain import QUANTIZE, RESCALE
from lielaws.modification.clause_rows import Clause, Row, compare, inapplicable
from lielaws.modification.clauses.features import distance
from lielaws.modification.evaluated_chain import OUTPUT, Question, Step
from lielaws.modification.tensor_values import finite_array

_FUNCTION = 1e-9


@dataclass(eq=False)
class Exactness:
    """Rescaling: the function stays. Quantization: |w - Q(w)| <= step/2 for every weight."""

    question: Question
    _rescaled: list[Row] = field(default_factory=list)
    _quantized: list[Row] = field(default_factory=list)

    def see(self, step: Step) -> None:
        if step.modification.done == RESCALE:
            self._rescaled.append(self._unchanged(step))
        if step.modification.done == QUANTIZE:
            self._quantized += _rounding_rows(step)

    def _unchanged(self, step: Step) -> Row:
        what = "outputs"
        if self.question.data is None:
            return inapplicable(step.number, what, "there are no data to compare the functions on")
        largest = float(np.abs(step.before.outputs).max(initial=0.0))
        moved = distance(step.before.layers[OUTPUT], step.after.layers[OUTPUT])
        note = (
            "powers of two: no rounding at all" if step.modification.settings.get("exact") is True else "up to rounding"
        )
        return compare(step.number, what, moved, "<=", _FUNCTION * (1 + largest), note=note)

    def clauses(self) -> list[Clause]:
        found = []
        if self._rescaled:
            claim = (
                f"rescaled units compute the same function: on the data, outputs differ by at most {_FUNCTION:g} of "
                "their size"
            )
            notes = (
                "c a(w.x + b) = a(c w.x + c b) for c > 0 and activations of degree 1; so W' = c W, V' = V / c cancel",
            )
            found.append(Clause("invariance", claim, tuple(self._rescaled), notes=notes))
        if self._quantized:
            claim = "each quantized weight is within half a step of the weight: max |w - Q(w)| <= step/2"
            found.append(Clause("quantization", claim, tuple(self._quantized), notes=("compared exactly",)))
        return found


def _rounding_rows(step: Step) -> list[Row]:
    what, known = "max |w - Q(w)|", step.before.model.params
    sizes = step.modification.settings.get("step")
    if not isinstance(sizes, Mapping) or not sizes or not all(name in known for name in sizes):
        return [inapplicable(step.number, what, "the settings of the modification name no step sizes")]
    rows = []
    for name, size in sizes.items():
        widths = _widths(size, known[name])
        if widths is None:
            text = f"the step of '{name}' is no positive number, nor one for each row"
            rows.append(inapplicable(step.number, what, text))
        else:
            worst, allowed = largest_move(known[name], step.after.model.params[name], widths)
            rows.append(compare(step.number, f"{what} in {name}", worst, "<=", allowed))
    return rows


def largest_move(old: FloatArray, new: FloatArray, widths: FloatArray) -> tuple[Fraction, Fraction]:
    """The largest |w - Q(w)| and half of the step there, exactly.

    widths : the step of each entry, in the shape of the tensor

    The move that is largest in units of its step decides; floats only choose which entries are looked at exactly.
    """
    moves, steps = np.abs(new - old).ravel(), widths.ravel()
    units = np.divide(moves, steps, out=np.where(moves > 0, np.inf, 0.0), where=steps > 0)
    near = np.flatnonzero((units >= units.max(initial=0.0) * (1 - 1e-9)) & (moves > 0))
    entries = np.unique(np.stack([old.ravel()[near], new.ravel()[near], steps[near]], axis=1), axis=0)
    pairs = [(abs(Fraction(a) - Fraction(b)), Fraction(s) / 2) for a, b, s in entries.tolist()]
    return max(pairs, key=lambda pair: pair[0] - pair[1], default=(Fraction(0), Fraction(0)))


def _widths(size: Any, tensor: FloatArray) -> FloatArray | None:
    """The step of each entry, from one for the tensor or one for each row; None if it is neither."""
    try:
        sizes = finite_array("step", size)
    except LieLawsError:
        return None
    if sizes.shape not in ((), tensor.shape[:1]) or (sizes < 0).any():
        return None
    shaped = sizes if not sizes.ndim else sizes.reshape(-1, *(1,) * (tensor.ndim - 1))
    return np.broadcast_to(shaped, tensor.shape)
