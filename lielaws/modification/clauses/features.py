"""How far features move: from model to model, and from the first to the last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice
from lielaws.errors import InvalidArgumentError
from lielaws.modification.clause_rows import Clause, Row, compare, inapplicable, merged, shown
from lielaws.modification.evaluated_chain import OUTPUT, Question, Step, View
from lielaws.modification.model import Model
from lielaws.modification.norms import lengths, spectral_bound


@dataclass(eq=False)
class Features:
    """|f_l(theta') - f_l(theta)| <= eps_l for each layer: the largest Euclidean distance over the data."""

    question: Question
    _rows: list[Row] = field(default_factory=list)

    def see(self, step: Step) -> None:
        _check_names(step, "feature_tolerance")
        if self.question.data is None:
            self._rows.append(inapplicable(step.number, "features", "there are no data"))
            return
        for layer, moved, tolerance in distances(step.before, step.after):
            allowed = self.question.options.tolerance("feature_tolerance", layer)
            if allowed is None:
                note = f"no tolerance is given; measured {moved:.4g}"
                self._rows.append(
                    Row(step.number, layer, shown(moved), "<=", None, "not applicable", "proved", tolerance, note)
                )
            else:
                self._rows.append(compare(step.number, layer, moved, "<=", allowed, tolerance=tolerance))

    def clauses(self) -> list[Clause]:
        claim = "|f_l(theta') - f_l(theta)| <= eps_l for each layer, the largest Euclidean distance over the data"
        return [Clause("features", claim, tuple(self._rows))]


@dataclass(eq=False)
class Drift:
    """Bounded drift of features over the whole chain, and where weights alone bound it.

    The distance from first to last is at most the sum of the distances of the members. For a row of layers it is at
    most D_l = c (|W'-W| |h_{l-1}| + |W'| D_{l-1} + |b'-b|), c the Lipschitz constant of the activation.
    """

    question: Question
    _sums: dict[str, float] = field(default_factory=dict)
    _ends: tuple[View, View] | None = None

    def see(self, step: Step) -> None:
        _check_names(step, "drift_tolerance")
        self._ends = (step.first, step.after)
        if self.question.data is not None:
            for layer, moved, tolerance in distances(step.before, step.after):
                self._sums[layer] = self._sums.get(layer, 0.0) + moved + tolerance

    def clauses(self) -> list[Clause]:
        claim = "from the first model to the last, the features of each layer drift by a bounded distance"
        rows: list[Row] = []
        if self._ends is None or self.question.data is None:
            return [Clause("drift", claim, (inapplicable(None, "features", "there are no data"),))]
        first, last = self._ends
        for layer, moved, tolerance in distances(first, last):
            total = self._sums[layer] * (1 + 1e-12) + tolerance
            rows.append(
                compare(None, f"{layer}: sum of the steps", moved, "<=", total, tolerance=tolerance, theorem=True)
            )
            allowed = self.question.options.tolerance("drift_tolerance", layer)
            if allowed is not None:
                rows.append(compare(None, f"{layer}: tolerance", moved, "<=", allowed, tolerance=tolerance))
        bound = weight_drift(first, last)
        if bound is not None:
            moved, tolerance = distance(first.layers[OUTPUT], last.layers[OUTPUT]), _tolerance(first, last, OUTPUT)
            rows.append(
                compare(None, f"{OUTPUT}: from the weights", moved, "<=", bound, tolerance=tolerance, theorem=True)
            )
        hypotheses = () if bound is None else (row_hypothesis(first.model),)
        return [Clause("drift", claim, merged(rows), hypotheses)]


def distances(one: View, two: View) -> list[tuple[str, float, float]]:
    """Each layer, how far its features are apart, and the rounding of that."""
    for layer in one.layers:
        if layer not in two.layers or one.layers[layer].shape != two.layers[layer].shape:
            raise InvalidArgumentError("layers", layer, f"{two.name} has no features of that name and shape")
    return [
        (layer, distance(one.layers[layer], two.layers[layer]), _tolerance(one, two, layer)) for layer in one.layers
    ]


def distance(one: FloatArray, two: FloatArray) -> float:
    """The largest Euclidean distance over the samples."""
    rows = (two - one).reshape(len(one), -1)
    return float(lengths(rows).max(initial=0.0))


def _tolerance(one: View, two: View, layer: str) -> float:
    if one.same_params(two):
        return 0.0
    return (one.slack(layer) + two.slack(layer)) * math.sqrt(max(1, one.layers[layer][0].size))


def weight_drift(first: View, last: View) -> float | None:
    """A bound of the drift of the outputs on the data from the weights alone, for a row of layers; None for others."""
    row = first.model.feedforward
    if row is None or last.model.feedforward != row or not matches(first) or not matches(last):
        return None
    old, new = first.model.params, last.model.params
    values = row.run(old, first.data.rows)
    drift = np.zeros(len(values[0]))
    final = len(row.weights) - 1
    for layer, (weight, bias) in enumerate(zip(row.weights, row.biases, strict=True)):
        sizes = lengths(values[layer]) * (1 + 1e-12)
        drift = spectral_bound(new[weight] - old[weight]) * sizes + spectral_bound(new[weight]) * drift
        if bias is not None:
            drift = drift + lengths((new[bias] - old[bias])[None])
        drift = drift * (1.0 if layer == final else row.lipschitz)
    return float(drift.max()) * (1 + 1e-11)


def matches(view: View) -> bool:
    """Whether the model computes what its row of layers computes, on the data."""
    row = view.model.feedforward
    assert row is not None
    if isinstance(view.data.x, Mapping) or view.data.rows.shape[1] != view.model.shapes[row.weights[0]][1]:
        return False
    found = row.run(view.model.params, view.data.rows)[-1]
    same = found.shape == view.outputs.shape
    return same and bool((np.abs(found - view.outputs) <= 1e4 * view.slack() + 1e-9 * np.abs(found).max()).all())


def row_hypothesis(model: Model) -> str:
    """What is supposed where the row of layers of a model bounds something."""
    assert model.feedforward is not None
    return f"the model is a row of layers with activation {model.feedforward.activation}, as on the data"


def _check_names(step: Step, option: str) -> None:
    value = getattr(step.question.options, option)
    if step.number == 1 and isinstance(value, Mapping) and step.question.data is not None:
        for layer in value:
            choice(option, layer, step.before.layers)
