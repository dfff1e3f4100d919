"""How a modification of a model moves its laws, and whether it moves them as such a modification must."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.engine.laws.law import Law
from lielaws.errors import InvalidArgumentError
from lielaws.errors import nearest as suggestion
from lielaws.lineage import claims
from lielaws.lineage.change_result import MOVED, REMOVED, TRIVIAL, UNCHANGED, VIOLATED, LawChange, LawChanges
from lielaws.lineage.drift import AllowedDrift
from lielaws.lineage.exact_laws import nearest
from lielaws.lineage.followed import frozen_names, laws_of
from lielaws.report.report import Report
from lielaws.training.balance_records import RunBalance

KINDS = ("fine-tuning", "distillation", "pruning", "rescaling", "quantization", "truncation")

_GONE = "all entries of the law are zero: its unit was removed, and the law says nothing any more"


def law_change(
    report: Report | Sequence[Law],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    what: str | None = None,
    factors: Mapping[str, Any] | None = None,
    error: float | Mapping[str, Any] | None = None,
    run: RunBalance | None = None,
    drift: AllowedDrift | None = None,
    frozen: Iterable[str] = (),
) -> LawChanges:
    """How each law of the gradient flow changes from one model to another, and whether that is as it must be.

    Values are computed without rounding from the floats given. With `what`, each law is compared with what is known of
    that modification:

    * "fine-tuning", "distillation" (gradient steps of some loss): with `run`, by the exact balance of the run
      (`lielaws.training`); with `drift`, within what such a run allows (`allowed_drift`). Nothing else is claimed.
      Laws that join `frozen` tensors with trained ones are no laws of such a run.
    * "pruning": entries were set to zero, and each law loses what they held; one whose entries are all zero is removed.
    * "rescaling": with `factors`, the new value is computed exactly, and met up to the rounding of the products.
    * "quantization": with `error`, |after - before| <= error entry by entry, a law sum a_ij w_i w_j moves by at most
      sum |a_ij| (|w_i| e_j + |w_j| e_i + e_i e_j); by default the largest change in each tensor.
    * "truncation" to low rank: nothing is claimed.

    Parameters
    ----------
    before, after : name -> array of the same shapes, without NaN, or a Model of `lielaws.modification`; tensors that no
        law involves may be missing
    factors : name -> number or array that multiplies the tensor; tensors left out stay
    error : a number, or name -> number or array; at least |after - before|
    run : summary of the `LawBalance` that followed the run from `before` to `after`
    drift : from `allowed_drift`, for a run that was not recorded

    Raises a LieLawsError for what does not fit; a claim that is not so gives the status "violated".
    """
    laws = laws_of(report)
    _check_claims(what, factors=factors, error=error, run=run, drift=drift)
    models = claims.Models.of(laws, before, after)
    ground = _Ground(laws, models, frozen_names(frozen, laws))
    if what == "pruning":
        return ground.settle(what, claims.pruned(models))
    if what == "rescaling":
        return ground.settle(what, claims.rescaled(models, factors or {}))
    if what == "quantization":
        return ground.settle(what, claims.quantized(models, error))
    if what in {"fine-tuning", "distillation"}:
        return ground.settle(what, claims.trained(models, run, drift, ground.frozen))
    return ground.settle(what, claims.nothing())


def _check_claims(what: Any, **given: Any) -> None:
    if what is not None and (not isinstance(what, str) or what not in KINDS):
        raise InvalidArgumentError("what", what, suggestion(str(what), KINDS))
    belongs = {
        "factors": {"rescaling"},
        "error": {"quantization"},
        "run": {"fine-tuning", "distillation"},
        "drift": {"fine-tuning", "distillation"},
    }
    for argument, value in given.items():
        if value is not None and what not in belongs[argument]:
            remedy = f"it is for what = {' or '.join(repr(kind) for kind in sorted(belongs[argument]))}"
            raise InvalidArgumentError(argument, value, remedy)
    if what == "rescaling" and given["factors"] is None:
        raise InvalidArgumentError("factors", None, "the factors of the tensors are needed: name -> number or array")
    if given["run"] is not None and given["drift"] is not None:
        raise InvalidArgumentError("drift", given["drift"], "'run' is given too, which says more")


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What is true of each law whatever was done."""

    laws: tuple[Law, ...]
    models: claims.Models
    frozen: frozenset[str]

    def settle(self, what: str | None, claim: claims.Claim) -> LawChanges:
        return LawChanges(what, tuple(self._one(number, law, claim) for number, law in enumerate(self.laws)))

    def _one(self, number: int, law: Law, claim: claims.Claim) -> LawChange:
        models = self.models
        old, new = models.old[number], models.new[number]
        verdict = claim(number, law, old, new)
        status, text = verdict.status, verdict.explanation
        entries = models.entries(law)
        empty, gone = not models.before[entries].any(), not models.after[entries].any()
        if status != VIOLATED and empty and gone:
            status, text = TRIVIAL, "all entries of the law were zero before"
        elif status != VIOLATED and gone:
            status, text = REMOVED, _GONE
        elif status == MOVED and new == old:
            status, text = UNCHANGED, ""
        return LawChange(
            law=law,
            before=nearest(old),
            after=nearest(new),
            change=nearest(new - old),
            relative=nearest((new - old) / models.scale[number]) if new != old else 0.0,
            status=status,
            explanation=text,
            predicted=verdict.predicted,
            bound=verdict.bound,
        )
