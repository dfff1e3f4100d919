"""From a chain of modifications to its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError
from lielaws.modification.chain import Chain
from lielaws.modification.clause_rows import Clause
from lielaws.modification.clauses import (
    Capacity,
    Decay,
    Descent,
    Distillation,
    Drift,
    Exactness,
    Features,
    Lipschitz,
    Preservation,
    Progress,
)
from lielaws.modification.conservation import ConservationCertificate
from lielaws.modification.data import Data
from lielaws.modification.evaluated_chain import Question, steps
from lielaws.modification.loss_bounds import LowerBound
from lielaws.modification.losses import as_loss
from lielaws.modification.model import Model
from lielaws.modification.options import Options, Tolerances
from lielaws.modification.representation import Reading
from lielaws.modification.smoothness import Smoothness
from lielaws.modification.tensor_values import exact_number

MAKERS = (
    Progress,
    Preservation,
    Descent,
    Features,
    Distillation,
    Capacity,
    Decay,
    Lipschitz,
    Drift,
    Exactness,
)
_REPEATED = 1e-9
_SHOWN = (
    *("delta", "epsilon", "feature_tolerance", "drift_tolerance", "kl_tolerance", "capacity_loss", "rank_tolerance"),
    *("weight_decay", "lipschitz", "representation", "accuracy", "seed"),
)


def certify(
    chain: Any,
    data: Any = None,
    loss: Any = "cross_entropy",
    *,
    delta: float | None = None,
    epsilon: float = 0.1,
    lower_bound: float | None = None,
    smoothness: Any = None,
    feature_tolerance: Tolerances = None,
    drift_tolerance: Tolerances = None,
    kl_tolerance: float | None = None,
    capacity_loss: float | None = None,
    rank_tolerance: float | None = None,
    weight_decay: float | None = None,
    lipschitz: float | None = None,
    representation: str | None = None,
    information: str = "empirical",
    noise: float | None = None,
    resolution: float | None = None,
    confidence: float = 0.95,
    resamples: int | None = None,
    accuracy: float = 1e-12,
    seed: int = 0,
) -> ConservationCertificate:
    """What a chain of modifications conserves, clause by clause.

    Parameters
    ----------
    chain : a Chain, or a sequence of Modifications; at least one
    data : a pair (x, y) or Data(x, y); None for losses of the parameters alone, and then only the clauses that need no
        data apply
    loss : "cross_entropy" (outputs are logits), "squared_error", OutputLoss, ParameterLoss or QuadraticLoss
    delta : progress that every member must make; by default the largest that the members show
    epsilon : share of Info that a member may lose
    lower_bound : L*, a proven lower bound of the loss; by default the one that follows from the loss and the targets
    smoothness : of the loss, for gradient steps: a number, which counts as given, or a Smoothness
    feature_tolerance, drift_tolerance : how far features may move, from model to model, and from first to last: one
        number, or a mapping of layer to number; "output" is a layer
    kl_tolerance : divergence from the teacher, in nats, that a member may have
    capacity_loss : share of the effective capacity that a member may lose; by default epsilon
    rank_tolerance : count singular values above it; by default the rank is that of the exact float matrix
    weight_decay : lambda, for the bound of |theta|^2
    lipschitz : what the product of spectral norms may be at most
    representation : which layer Z is; by default the last one before the outputs
    information, noise, resolution, confidence, resamples : how Info is read, see
        :mod:`lielaws.modification.representation`; the resolution is absolute, by default 1e-9 of the largest entry
    accuracy : relative error that the floats of outputs and features are taken to have; what it leaves open is
        "undecided", and that is no pass
    seed : of everything random

    The statement is the "RESOLVE-Conservation" theorem; :mod:`lielaws.modification` says which part of it is a theorem.
    The certificate is `accepted` if progress, preservation and countability pass. Raises a LieLawsError for input that
    cannot be used: models of different shapes, empty data, NaN, a loss without lower bound, an empty chain, ...
    """
    links = chain if isinstance(chain, Chain) else Chain(chain)
    chosen = as_loss(loss)
    given = None if data is None else Data.of(data)
    if given is None and chosen.needs_data:
        raise InvalidArgumentError("data", None, f"the loss '{chosen.name}' needs a pair (x, y)")
    options = Options(
        delta=delta,
        epsilon=epsilon,
        lower_bound=lower_bound,
        smoothness=Smoothness.of(smoothness),
        feature_tolerance=feature_tolerance,
        drift_tolerance=drift_tolerance,
        kl_tolerance=kl_tolerance,
        capacity_loss=epsilon if capacity_loss is None else capacity_loss,
        rank_tolerance=rank_tolerance,
        weight_decay=weight_decay,
        lipschitz=lipschitz,
        representation=representation,
        reading=Reading(information, resolution, noise, confidence, resamples, seed),
        accuracy=accuracy,
        seed=seed,
    )
    with np.errstate(all="ignore"):
        bound = chosen.bound(links.start, given)
    if lower_bound is not None:
        bound = LowerBound(exact_number(lower_bound), "as given", given=True)
    question = Question(links, given, chosen, bound, options)
    # What overflows is infinite, and compares so; a loss or an output that does is refused.
    with np.errstate(all="ignore"):
        clauses = _clauses(question)
    return ConservationCertificate(clauses, tuple(entry.text for entry in links), _settings(question))


def _clauses(question: Question) -> tuple[Clause, ...]:
    _check_deterministic(question.chain.start, question.data)
    makers = [maker(question) for maker in MAKERS]
    for step in steps(question):
        for maker in makers:
            maker.see(step)
    return tuple(clause for maker in makers for clause in maker.clauses())


def _check_deterministic(model: Model, data: Data | None) -> None:
    if data is None or model.forward is None:
        return
    one, two = model.outputs(data.x), model.outputs(data.x)
    if one.shape != two.shape or np.abs(one - two).max(initial=0.0) > _REPEATED * (1 + np.abs(one).max(initial=0.0)):
        remedy = "two calls gave different outputs; seed what is random, or leave it out (dropout, ...)"
        raise InvalidArgumentError("forward", model.name, remedy)


def _settings(question: Question) -> dict[str, Any]:
    """What the clauses went by, as plain values."""
    options, bound = question.options, question.bound
    found: dict[str, Any] = {
        "loss": question.loss.name,
        "lower_bound": float(bound.value),
        "lower_bound_reason": bound.reason,
        "samples": None if question.data is None else question.data.size,
        "parameters": question.chain.start.dimension,
        "model": question.chain.start.name,
    }
    for name in _SHOWN:
        value = getattr(options, name)
        found[name] = {str(k): float(v) for k, v in value.items()} if isinstance(value, Mapping) else _plain(value)
    reading = options.reading
    found["information"] = {"method": reading.method, "noise": _plain(reading.noise)}
    found["information"]["confidence"] = _plain(reading.confidence)
    if options.smoothness is not None:
        s = options.smoothness
        found["smoothness"] = {"value": float(s.value), "kind": s.kind, "reason": s.reason}
    return found


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if value is None or isinstance(value, str):
        return value
    return int(value) if isinstance(value, Integral) else float(value)
