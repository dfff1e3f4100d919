"""How far a run of gradient steps can have moved each law: from what is known of the run, with what has to be assumed.

For SGD the change of a law is a sum over steps of forms of the gradients (:mod:`lielaws.lineage.response`), each at
most a sum of squares: |q(G)| <= s(G), with |c| (x^2 + y^2) / 2 in s for a term c x y of the law, and |b(m, G)| is at
most the root of s(m) s(G). So S = sum of s(G_t) over the run bounds the drift; for plain SGD it is at most lr^2 S. What
differs is how S becomes known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.law import Law
from lielaws.errors import InvalidArgumentError
from lielaws.lineage.followed import Followed
from lielaws.lineage.known import Known
from lielaws.lineage.response import Response, Settings
from lielaws.training.balance_records import RunBalance

# Covers the rounding of these sums themselves.
_UPWARDS = 1 + 1e-9

MARGIN = 4.0
WANDER = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class AllowedDrift:
    """Where the laws can be after a run. Arrays have shape (laws,).

    expected : the laws at the start, shrunk by the weight decay
    bound : how far from there a run can lead
    source : what the bound comes from
    assumptions : what has to be true for it, each a sentence
    proved : whether the assumptions are nothing but statements of the caller about the run
    """

    laws: tuple[Law, ...]
    expected: FloatArray
    bound: FloatArray
    source: str
    assumptions: tuple[str, ...]
    proved: bool


def allowed_drift(
    report: Any,
    start: Mapping[str, Any],
    *,
    steps: int | None = None,
    lr: float | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    decoupled_decay: float = 0.0,
    gradient_bound: float | None = None,
    gradients: Sequence[Mapping[str, Any]] | None = None,
    loss_drop: float | None = None,
    path: float | None = None,
    end: Mapping[str, Any] | None = None,
) -> AllowedDrift:
    """How far gradient steps from `start` can move each law. The settings are those of `lielaws.lineage.lineage`.

    One of `gradient_bound`, `gradients`, `loss_drop` and `path` is needed, all but the last with steps and lr.

    Parameters
    ----------
    report : laws of the gradient flow, or a sequence of them; only those of degree one and two are followed
    start : name -> array, the parameters before the run
    end : those after it; used where momentum comes with coupled decay, where the bound also depends on the parameters
    """
    followed = Followed.of(report)
    known = Known.of(
        followed,
        steps=steps,
        lr=lr,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=weight_decay,
        decoupled_decay=decoupled_decay,
        run=None,
        gradient_bound=gradient_bound,
        gradients=gradients,
        loss_drop=loss_drop,
        path=path,
    )
    if known.unbounded:
        remedy = "one of gradient_bound, gradients, loss_drop and path is needed"
        raise InvalidArgumentError("gradient_bound", None, remedy)
    first, rounding = followed.read("start", start)
    last = first if end is None else followed.read("end", end)[0]
    drift = drift_of_known(followed, known, first, last)
    scale = np.maximum(followed.forms.scale(first), followed.forms.scale(last))
    return replace(drift, bound=drift.bound + rounding * scale)


def drift_of_known(followed: Followed, known: Known, start: FloatArray, end: FloatArray) -> AllowedDrift:
    """From the path, or from the gradients."""
    if known.path is not None:
        return drift_of_path(followed, known, start)
    sizes = np.maximum(followed.squares(start), followed.squares(end))
    return drift_of_gradients(followed, known, start, sizes)


def drift_of_run(followed: Followed, run: RunBalance, start: FloatArray) -> AllowedDrift:
    """Predicted exactly by the balance of the run; the bound is rounding."""
    place = {law.polynomial: k for k, law in enumerate(run.laws)}
    missing = [law.name for law in followed.laws if law.polynomial not in place]
    if missing:
        raise InvalidArgumentError("run", run, f"it did not follow the law {missing[0]}")
    order = np.array([place[law.polynomial] for law in followed.laws])
    bound = run.tolerance * run.scale[order]
    off = np.flatnonzero(np.abs(run.start[order] - start) > bound)
    if len(off):
        law = followed.laws[int(off[0])]
        raise InvalidArgumentError("run", run, f"it did not start at these parameters: {law.name} differs")
    return AllowedDrift(
        followed.laws,
        run.predicted[order],
        bound,
        "the recorded balance of the run",
        ("the record is of this run",),
        True,
    )


def drift_of_gradients(followed: Followed, known: Known, start: FloatArray, sizes: FloatArray) -> AllowedDrift:
    """From a bound on S; `start` the vector of the parent, `sizes` the larger sum of squares of the two models."""
    settings = known.settings
    total, factor, source, assumptions, proved = _total(followed, known, settings)
    response = Response.of(settings)
    overlap = factor if factor is not None else 1 / (1 - settings.momentum)
    bound = (response.square + response.cross * overlap) * total
    if settings.momentum and settings.decay:
        # The buffer also holds decay times the parameters.
        held = settings.decay / (1 - settings.momentum) * np.sqrt(2 * settings.steps * sizes * total)
        bound = bound + response.cross * held
        assumptions += ("the sums of squares along the run are at most twice the larger one of its ends",)
    mixed = np.where(followed.forms.purely_linear, 0.0, followed.forms.floor)
    bound = bound + response.linear * 2 * np.sqrt(mixed * settings.steps * total)
    pairs = [(0, 0)]
    square = followed.forms.bilinear(start[None], pairs)[0]
    expected = response.keep * square + response.keep_linear * followed.forms.linear_of(start[None])[0]
    return AllowedDrift(
        followed.laws, expected + followed.forms.constant, bound * _UPWARDS, source, (*assumptions, _CONSTANT), proved
    )


_STEPS = "gradient steps of losses that the laws hold for, with the same settings for all tensors"
_CONSTANT = f"{_STEPS}, and throughout the run"


def _total(
    followed: Followed, known: Known, settings: Settings
) -> tuple[FloatArray, float | None, str, tuple[str, ...], bool]:
    """S by law, the overlap of a gradient with the buffer in its own size if that is assumed, and where it is from."""
    heaviest = followed.heaviest
    if known.gradient_bound is not None:
        total = heaviest * settings.steps * known.gradient_bound**2
        text = f"every gradient of the run has norm at most {known.gradient_bound:.6g} over the tensors of the laws"
        return total, None, "a bound on the gradients", (text,), True
    if known.loss_drop is not None:
        # lr / 2 |grad L|^2 <= L(theta) - L(theta') for every step.
        total = heaviest * 2 * known.loss_drop / settings.lr
        text = f"full-batch steps with lr at most 1 / smoothness, and the loss fell by at most {known.loss_drop:.6g}"
        return total, None, "the descent lemma", (text,), True
    assert known.gradients is not None
    each = np.stack([followed.squares(gradient) for gradient in known.gradients])
    typical = np.maximum(each.max(axis=0), each.mean())
    text = (
        f"the mean square of a gradient over the run is at most {MARGIN:g} times the largest one given, by law, and "
        "gradients overlap with those before them no more than with themselves"
    )
    return MARGIN * settings.steps * typical, 1.0, "gradients given as typical", (text,), False


def drift_of_path(followed: Followed, known: Known, start: FloatArray) -> AllowedDrift:
    """From the sum of the squared lengths of the steps: at most (1 + mu) / (1 - mu) of it, also with Nesterov.

    With u_t the steps, <grad h, G> = 0 gives overlaps of the law with the buffer that are sums of b(u_s, m_s) mu^(t-s),
    and |m| <= |u| in mean square.
    """
    assert known.path is not None
    momentum = known.settings.momentum
    bound = followed.heaviest * known.path * (1 + momentum) / (1 - momentum)
    text = f"the squared lengths of the steps, over the tensors of the laws, add up to at most {known.path:.6g}"
    return AllowedDrift(
        followed.laws, followed.values(start[None])[0], bound * _UPWARDS, "the path of the run", (text, _CONSTANT), True
    )


def drift_of_displacement(
    followed: Followed, start: FloatArray, end: FloatArray, expected: FloatArray, shrink: float, wander: float
) -> AllowedDrift:
    """Where nothing is known of the run: from how far apart its ends are.

    A path of steps that neither turn back nor go on has squared lengths that add up to the squared displacement; one
    that goes straight on has less, one that wanders about a minimum has more.
    """
    moved = followed.squares(end - shrink * start)
    bound = wander * np.maximum(moved, moved.mean())
    text = (
        f"the squared lengths of its steps (of lr / (1 - momentum) times the gradients) add up to at most {wander:g} "
        "times the squared displacement, as steps do that do not wander much about one place"
    )
    return AllowedDrift(followed.laws, expected, bound * _UPWARDS, "the displacement", (_STEPS, text), False)
