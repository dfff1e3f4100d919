"""The Lipschitz constant of a row of layers, bounded by the spectral norms of its matrices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lielaws.modification.clause_rows import Clause, Row, compare, inapplicable
from lielaws.modification.clauses.features import matches, row_hypothesis
from lielaws.modification.evaluated_chain import Question, Step, View
from lielaws.modification.norms import lengths, spectral_bound

_MOST_PAIRS = 5000
_WHAT = "slope between two inputs"


@dataclass(eq=False)
class Lipschitz:
    """|f(x) - f(x')| <= K |x - x'| with K the product of upper bounds of the spectral norms and of the activations."""

    question: Question
    _rows: list[Row] = field(default_factory=list)
    _hypotheses: dict[str, None] = field(default_factory=dict)

    def see(self, step: Step) -> None:
        view, allowed = step.after, self.question.options.lipschitz
        row = view.model.feedforward
        if row is None or self.question.data is None or not matches(view):
            text = "the model is not known to be a row of matrices and activations"
            if row is not None:
                text = "the model does not compute what the row of layers that is stated for it computes"
            self._rows.append(inapplicable(step.number, _WHAT, text))
            return
        self._hypotheses[row_hypothesis(view.model)] = None
        bound = lipschitz_bound(view)
        self._rows.append(
            compare(step.number, _WHAT, steepest(view, self.question.options.seed), "<=", bound, theorem=True)
        )
        if allowed is not None:
            self._rows.append(compare(step.number, "bound", bound, "<=", allowed))

    def clauses(self) -> list[Clause]:
        claim = "the model is Lipschitz with K, the product of upper bounds of spectral norms and slopes of activations"
        notes = ("the slopes are seen between pairs of the data, the bound holds for all inputs",) if self._rows else ()
        return [Clause("lipschitz", claim, tuple(self._rows), tuple(self._hypotheses), notes)]


def lipschitz_bound(view: View) -> float:
    """K, rounded up."""
    row = view.model.feedforward
    assert row is not None
    bound = row.lipschitz ** (len(row.weights) - 1)
    for name in row.weights:
        bound *= spectral_bound(view.model.params[name])
    return bound * (1 + 1e-13)


def steepest(view: View, seed: int) -> float:
    """The largest |f(x) - f(x')| / |x - x'| over pairs of the data, less rounding; 0 if all inputs are equal."""
    x, y = view.data.rows, view.outputs.reshape(view.data.size, -1)
    count = len(x)
    if count * (count - 1) // 2 <= _MOST_PAIRS:
        one, two = np.triu_indices(count, 1)
    else:
        one, two = np.random.default_rng(seed).integers(0, count, (2, _MOST_PAIRS))
    apart = lengths(x[one] - x[two])
    moved = lengths(y[one] - y[two]) - 2 * view.slack() * np.sqrt(y.shape[1])
    kept = apart > 0
    return max(0.0, float((moved[kept] / apart[kept]).max(initial=0.0)) * (1 - 1e-12))
