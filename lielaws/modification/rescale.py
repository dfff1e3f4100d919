"""Rescaling of units that leaves the function unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, count
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.modification.chain import RESCALE, Modification
from lielaws.modification.model import Model
from lielaws.modification.model_sources import as_model
from lielaws.modification.prune import unit_layers
from lielaws.modification.structure import UnitLayer
from lielaws.modification.tensor_values import finite_array

_EXPONENTS = 3


def rescale(model: Any, factors: Any = None, *, seed: int = 0) -> Modification:
    """Multiply what computes a unit by c > 0 and what reads it by c^-d, d the degree of its activation.

    Parameters
    ----------
    model : a Model with `units`, or what :func:`as_model` makes one of
    factors : a positive number for all units, or a mapping of layer to a number or to one for each unit; by default
        random powers of two from 1/8 to 8, which change no digit of the function
    seed : of those

    A ReLU unit v a(w.x + b) stays the same function (Neyshabur et al., arXiv 1506.02617), and its law |w|^2 + b^2 -
    |v|^2 moves. Raises UnsupportedError for units whose activation is not positively homogeneous.
    """
    start = as_model(model)
    known = unit_layers(start)
    rng = np.random.default_rng(count("seed", seed, least=0))
    chosen = _factors(start, known, factors, rng)
    params = {name: value.copy() for name, value in start.params.items()}
    touched: dict[str, None] = {}
    for name, values in chosen.items():
        layer = known[name]
        degree = layer.degree
        if degree is None:
            text = f"layer '{name}' of {start.name}"
            remedy = "its activation is not positively homogeneous, so no rescaling leaves the function unchanged"
            raise UnsupportedError("model", text, remedy)
        for slots, power in ((layer.incoming, 1), (layer.outgoing, -degree)):
            for tensor, axis in slots:
                _multiply(params[tensor], axis, values**power)
                touched[tensor] = None
    exact = all(bool((np.frexp(values)[0] == 0.5).all()) for values in chosen.values())
    settings = {"factors": {name: values.tolist() for name, values in chosen.items()}, "exact": exact}
    return Modification(start, start.with_params({name: params[name] for name in touched}), RESCALE, settings)


def _multiply(array: FloatArray, axis: int, factors: FloatArray) -> None:
    moved = np.moveaxis(array, axis, 0)
    moved *= factors.reshape(-1, *(1,) * (array.ndim - 1))


def _factors(
    model: Model, known: Mapping[str, UnitLayer], given: Any, rng: np.random.Generator
) -> dict[str, FloatArray]:
    if given is None:
        sizes = {name: layer.size(model.shapes) for name, layer in known.items()}
        drawn = {name: rng.integers(-_EXPONENTS, _EXPONENTS + 1, size) for name, size in sizes.items()}
        return {name: np.ldexp(np.ones(size), drawn[name]) for name, size in sizes.items()}
    entries = given if isinstance(given, Mapping) else dict.fromkeys(known, given)
    found = {}
    for name, value in entries.items():
        choice("factors", name, known)
        array, size = finite_array(f"factors['{name}']", value), known[name].size(model.shapes)
        if array.shape not in ((), (size,)) or not (array > 0).all():
            text = f"array of shape {array.shape}" if array.shape not in ((), (size,)) else array
            raise InvalidArgumentError(
                f"factors['{name}']", text, f"positive: one number, or one for each of {size} units"
            )
        found[name] = np.broadcast_to(array, (size,)).copy()
    return found
