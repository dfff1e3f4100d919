"""What a modification does to the conservation laws of the network, with what is known of its kind filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import positive
from lielaws.errors import InvalidArgumentError
from lielaws.lineage import AllowedDrift, LawChanges, law_change
from lielaws.modification.chain import (
    DISTILL,
    FINE_TUNE,
    GRADIENT_STEP,
    LOW_RANK,
    PRUNE,
    PRUNE_UNITS,
    QUANTIZE,
    RESCALE,
    Modification,
)
from lielaws.modification.tensor_values import finite_array
from lielaws.training import LawBalance, RunBalance

_WHAT = {
    PRUNE: "pruning",
    PRUNE_UNITS: "pruning",
    QUANTIZE: "quantization",
    RESCALE: "rescaling",
    LOW_RANK: "truncation",
    FINE_TUNE: "fine-tuning",
    GRADIENT_STEP: "fine-tuning",
    DISTILL: "distillation",
}
_TRAINED = {FINE_TUNE, GRADIENT_STEP, DISTILL}


def law_changes(
    report: Any, modification: Modification, *, run: RunBalance | None = None, drift: AllowedDrift | None = None
) -> LawChanges:
    """How a modification moves each law, and whether as a modification of its kind must.

    Parameters
    ----------
    report : laws of the gradient flow of the network, from `lielaws.discover_laws`, or a sequence of them
    modification : its settings say what is claimed: the factors of a rescaling, half a step of a quantization. A single
        gradient step is followed by its balance, with the move divided by the rate as gradient
    run, drift : what is known of a longer run, see :func:`lielaws.lineage.law_change`

    Raises a LieLawsError for a modification of another network, and where run and drift are given for no training.
    """
    if not isinstance(modification, Modification):
        raise InvalidArgumentError("modification", modification, "a Modification is needed")
    done, settings = modification.done, modification.settings
    before, after = modification.before.params, modification.after.params
    known: dict[str, Any] = {"run": run, "drift": drift}
    if done in _TRAINED:
        known["frozen"] = settings.get("frozen", ())
        if done == GRADIENT_STEP and run is None and drift is None and not known["frozen"] and "rate" in settings:
            known["run"] = _balance(report, modification, positive("rate", settings["rate"]))
    elif done == QUANTIZE and isinstance(settings.get("step"), Mapping):
        steps = {name: settings["step"].get(name, 0.0) for name in before}
        known["error"] = {name: _rows(step, before[name]) / 2 for name, step in steps.items()}
    elif done == RESCALE:
        known["factors"] = _factors(modification)
    return law_change(report, before, after, what=_WHAT.get(done), **known)


def _balance(report: Any, modification: Modification, rate: float) -> RunBalance:
    before, after = modification.before.params, modification.after.params
    balance = LawBalance(report, lr=rate)
    balance.step(before, {name: (value - after[name]) / rate for name, value in before.items()})
    return balance.finish(after)


def _rows(step: Any, tensor: FloatArray) -> FloatArray:
    """The step of a tensor, or one for each row, in a shape that broadcasts."""
    sizes = finite_array("step", step)
    if sizes.shape not in ((), tensor.shape[:1]):
        raise InvalidArgumentError(
            "step", f"array of shape {sizes.shape}", "one number, or one for each row, is needed"
        )
    return sizes.reshape(-1, *(1,) * (tensor.ndim - 1)) if sizes.ndim else sizes


def _factors(modification: Modification) -> dict[str, FloatArray]:
    """What each tensor is multiplied by: the factors of the units that it computes, and those that it reads."""
    model, given = modification.before, modification.settings.get("factors")
    if not isinstance(given, Mapping):
        raise InvalidArgumentError("modification", modification, "its settings name no factors")
    found = {name: np.ones(value.shape) for name, value in model.params.items()}
    for layer in model.units:
        if layer.name not in given or layer.degree is None:
            continue
        values, size = finite_array("factors", given[layer.name]), layer.size(model.shapes)
        if values.shape not in ((), (size,)) or not (values > 0).all():
            text = f"those of '{layer.name}'"
            raise InvalidArgumentError("factors", text, f"positive: one number, or one for each of {size} units")
        for slots, power in ((layer.incoming, 1), (layer.outgoing, -layer.degree)):
            for tensor, axis in slots:
                moved = np.moveaxis(found[tensor], axis, 0)
                moved *= (values**power).reshape(-1, *(1,) * (moved.ndim - 1))
    return found
