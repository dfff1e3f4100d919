"""The lineage test: are the laws of one model compatible with its having been fine-tuned from the other?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.law import Law
from lielaws.lineage.chance import chance
from lielaws.lineage.drift import WANDER, AllowedDrift, drift_of_displacement, drift_of_known, drift_of_run
from lielaws.lineage.followed import Followed, frozen_names, laws_of
from lielaws.lineage.ground import Ground, usual_drift
from lielaws.lineage.inputs import Models, Options
from lielaws.lineage.known import Known
from lielaws.lineage.response import Response
from lielaws.lineage.units import Units
from lielaws.lineage.verdict import Lineage, ratios
from lielaws.report.report import Report
from lielaws.training.balance_records import RunBalance

MOST_MOVED = 1.0


def lineage(
    report: Report | Sequence[Law],
    parent: Mapping[str, Any],
    child: Mapping[str, Any],
    *,
    steps: int | None = None,
    lr: float | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float | None = 0.0,
    decoupled_decay: float = 0.0,
    frozen: Iterable[str] = (),
    run: RunBalance | None = None,
    gradient_bound: float | None = None,
    gradients: Sequence[Mapping[str, Any]] | None = None,
    loss_drop: float | None = None,
    path: float | None = None,
    wander: float = WANDER,
    most_moved: float = MOST_MOVED,
    significance: float = 0.01,
    permutations: int = 1999,
    tolerance: float | None = None,
    seed: int = 0,
) -> Lineage:
    """Whether the child can be the parent after gradient steps, by their conservation laws.

    Two questions are asked. Did any law move further than such a run can move it? Then the models are "not compatible".
    And is the match of their laws, unit by unit, better than that of an unrelated model would be? Its units are in no
    order, so the child is compared with itself in other orders. If the match is no chance, the models are "compatible",
    else "undecidable". Laws cannot tell a child from its parent, nor from a model with the same initialization.

    Parameters
    ----------
    report : laws of the gradient flow of their architecture, those of degree one and two; or a sequence of laws
    parent, child : name -> array, or a Model of `lielaws.modification`
    steps, lr, momentum, nesterov, weight_decay, decoupled_decay : of the run, as in torch.optim.SGD and AdamW's decay.
        weight_decay=None: unknown, the shrinking of the laws is fitted
    frozen : tensors that were not trained. Laws that join them with others are no laws of the run and are left out

    At most one of the following says how far the run can have gone:

    run : its record by `LawBalance`: the laws are predicted exactly
    gradient_bound : the largest norm of a gradient, over the tensors of the laws; with steps and lr
    gradients : gradients of minibatches at the parent, the child or between; their squares are assumed to be at least a
        quarter of the mean square in the run; with steps and lr
    loss_drop : by how much the loss fell in plain full-batch descent with lr at most one over the smoothness
    path : the sum of the squared lengths of the steps, without weight decay

    Without any of them it is assumed that the squared steps add up to at most `wander` times the squared displacement,
    and that a usual run moves no law by more than `most_moved` times the spread of such laws between units: further,
    with a match that may be chance, is "not compatible" too. That is not assumed where the spread is below 2 % of the
    sums of squares (balanced networks), as any run moves laws that far. Where the bound rests on such an assumption and
    the match is no chance, laws that moved up to three times as far as allowed are "undecidable".

    significance : the probability with which an unrelated model may pass as compatible
    permutations : how many orders of the units are drawn, at least 99
    tolerance : of rounding, relative to the sum of squares of a law; by default by the type of the arrays

    Raises a LieLawsError for models that do not fit the laws, for NaN, and for settings that make no sense.
    """
    followed = Followed.of(report, frozen_names(frozen, laws_of(report)))
    known = Known.of(
        followed,
        steps=steps,
        lr=lr,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=weight_decay,
        decoupled_decay=decoupled_decay,
        run=run,
        gradient_bound=gradient_bound,
        gradients=gradients,
        loss_drop=loss_drop,
        path=path,
    )
    options = Options.of(wander, most_moved, significance, permutations, tolerance, seed)
    return _decide(Models.of(followed, parent, child), known, options)


def _decide(models: Models, known: Known, options: Options) -> Lineage:
    units = Units.of(models.followed)
    drift, shrink = _drift(models, known, options)
    if known.run is None:
        rounding = models.tolerance if options.tolerance is None else options.tolerance
        drift = replace(drift, bound=drift.bound + rounding * models.scale)
    usual = (
        usual_drift(drift, models, units, options.most_moved) if known.unbounded else np.full(len(drift.bound), np.inf)
    )
    rng = np.random.default_rng(options.seed)
    found = chance(units, drift.expected, models.after, models.end, options.significance, options.permutations, rng)
    moved = models.after - drift.expected
    ground = Ground(models, drift, usual, ratios(moved, drift.bound), ratios(moved, usual), found, units, options)
    decision, reason = ground.decision()
    return Lineage(
        decision=decision,
        reason=reason,
        laws=models.followed.laws,
        parent=models.before,
        child=models.after,
        expected=drift.expected,
        allowed=drift.bound,
        scale=models.scale,
        usual=usual,
        excess=float(ground.excess.max()),
        unusual=float(ground.unusual.max()),
        p_value=found.p_value,
        chance=found.how,
        significance=options.significance,
        shrink=shrink,
        source=drift.source,
        assumptions=(*drift.assumptions, *ground.assumptions(decision)),
        proved=drift.proved,
        notes=ground.notes(decision),
        skipped=models.followed.skipped,
    )


def _drift(models: Models, known: Known, options: Options) -> tuple[AllowedDrift, float]:
    """What is allowed, and the factor by which decay shrank the laws."""
    followed, start = models.followed, models.start
    response = Response.of(known.settings)
    keep, linear = response.keep, response.keep_linear
    if known.run is not None:
        return drift_of_run(followed, known.run, models.before), keep
    if not known.unbounded:
        return drift_of_known(followed, known, start, models.end), keep
    constant = followed.forms.constant
    square = followed.forms.bilinear(start[None], [(0, 0)])[0]
    straight = followed.forms.linear_of(start[None])[0]
    if known.unknown_decay:
        linear = _fitted_decay(square, straight, models.after - constant)
        keep = linear**2
    expected = keep * square + linear * straight + constant
    return drift_of_displacement(followed, start, models.end, expected, linear, options.wander), keep


def _fitted_decay(square: FloatArray, linear: FloatArray, after: FloatArray) -> float:
    """The factor a <= 1 of the parameters for which the laws a^2 q + a l of the parent have the size of the child's.

    It does not depend on the order of the units, so that it gives nothing away to the right one.
    """
    from scipy.optimize import brentq

    size = float(np.abs(after).sum())

    def missing(a: float) -> float:
        return float(np.abs(a * a * square + a * linear).sum()) - size

    return float(brentq(missing, 0.0, 1.0)) if missing(1.0) > 0 else 1.0
