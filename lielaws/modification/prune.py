"""Pruning: single weights by magnitude, or whole units. What is taken out is set to zero; shapes stay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lielaws import checks
from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, count
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.modification.chain import PRUNE, PRUNE_UNITS, Modification
from lielaws.modification.model import Model
from lielaws.modification.model_sources import as_model
from lielaws.modification.structure import UnitLayer
from lielaws.modification.tensor_values import chosen_names


def prune(model: Any, share: float, *, tensors: Iterable[str] | None = None, scope: str = "tensor") -> Modification:
    """Set the share of weights that is smallest in magnitude to zero.

    Parameters
    ----------
    model : a Model, or what :func:`as_model` makes one of
    share : from 0 to 1, of the entries, zeros included; rounded to a whole number of them
    tensors : which; by default all with two axes or more
    scope : "tensor", the share in each tensor; or "all", the share of all of them together

    Weights of equal magnitude go in the order of their places.
    """
    start = as_model(model)
    amount = checks.share("share", share)
    names = chosen_names("tensors", tensors, start.shapes, start.matrices)
    groups = [names] if choice("scope", scope, ("tensor", "all")) == "all" else [(name,) for name in names]
    params: dict[str, FloatArray] = {}
    for group in groups:
        params |= _without_smallest({name: start.params[name] for name in group}, amount)
    settings = {"share": amount, "scope": scope, "tensors": list(names)}
    return Modification(start, start.with_params(params), PRUNE, settings)


def _without_smallest(arrays: dict[str, FloatArray], share: float) -> dict[str, FloatArray]:
    flat = np.concatenate([value.ravel() for value in arrays.values()]) if arrays else np.zeros(0)
    kept = flat.copy()
    kept[np.argsort(np.abs(flat), kind="stable")[: round(share * len(flat))]] = 0.0
    found, start = {}, 0
    for name, value in arrays.items():
        found[name] = kept[start : start + value.size].reshape(value.shape)
        start += value.size
    return found


def prune_units(
    model: Any, share: float | None = None, *, units: Any = None, layers: Iterable[str] | None = None
) -> Modification:
    """Take whole units out: what computes them and what reads them is set to zero.

    Parameters
    ----------
    model : a Model with `units`, or what :func:`as_model` makes one of
    share : from 0 to 1, of the units of each layer; those go whose incoming and outgoing weights have the smallest
        product of norms
    units : instead of a share: a mapping of layer to numbers of units
    layers : with a share, in which layers; all by default

    A unit that is taken out has no conservation law any more. Raises UnsupportedError for a model whose units are not
    known.
    """
    start = as_model(model)
    known = unit_layers(start)
    if (share is None) == (units is None):
        raise InvalidArgumentError("share", share, "either a share or units is needed")
    chosen: dict[str, list[int]]
    settings: dict[str, Any] = {}
    if units is not None:
        chosen = _given_units(start, known, units)
    else:
        amount = checks.share("share", share)
        names = chosen_names("layers", layers, known, known)
        chosen = {name: _weakest(start, known[name], amount) for name in names}
        settings["share"] = amount
    params = {name: value.copy() for name, value in start.params.items()}
    touched: dict[str, None] = {}
    for name, numbers in chosen.items():
        for tensor, axis in (*known[name].incoming, *known[name].outgoing):
            np.moveaxis(params[tensor], axis, 0)[numbers] = 0.0
            touched[tensor] = None
    settings |= {"units": chosen, "tensors": list(touched)}
    return Modification(start, start.with_params({name: params[name] for name in touched}), PRUNE_UNITS, settings)


def unit_layers(model: Model) -> dict[str, UnitLayer]:
    """The layers of units by name. Raises UnsupportedError if there are none."""
    if not model.units:
        raise UnsupportedError("model", model.name, "its units are not known; state them as Model(..., units=...)")
    return {layer.name: layer for layer in model.units}


def unit_norms(model: Model, slots: Iterable[tuple[str, int]]) -> FloatArray:
    """Euclidean norms of the entries of each unit, (units,)."""
    squares = [
        (np.moveaxis(model.params[tensor], axis, 0).reshape(model.shapes[tensor][axis], -1) ** 2).sum(axis=1)
        for tensor, axis in slots
    ]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)))


def _weakest(model: Model, layer: UnitLayer, share: float) -> list[int]:
    strength = unit_norms(model, layer.incoming) * unit_norms(model, layer.outgoing)
    return sorted(np.argsort(strength, kind="stable")[: round(share * len(strength))].tolist())


def _given_units(model: Model, known: dict[str, UnitLayer], units: Any) -> dict[str, list[int]]:
    if not isinstance(units, dict):
        raise InvalidArgumentError("units", units, "a mapping of layer to numbers of units is needed")
    for name, numbers in units.items():
        choice("units", name, known)
        size = known[name].size(model.shapes)
        if not isinstance(numbers, Iterable) or isinstance(numbers, str):
            raise InvalidArgumentError(f"units['{name}']", numbers, "a list of numbers of units is needed")
        for number in numbers:
            if count(f"units['{name}']", number, least=0) >= size:
                raise InvalidArgumentError(f"units['{name}']", number, f"there are {size} units, from 0 on")
    return {name: sorted({int(number) for number in numbers}) for name, numbers in units.items()}
