"""Parameters of an architecture that are shared with each other, or frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture, check_architecture, spec_around
from lielaws.architectures.family import Array, Namespace, Operations, Recipe, Shape
from lielaws.architectures.running import Patterns
from lielaws.arraytypes import FloatArray
from lielaws.checks import choice, positive_ints
from lielaws.engine.arithmetic.polynomials import objects
from lielaws.engine.graph.constants import FROZEN, constant_array
from lielaws.engine.graph.trace import as_rational
from lielaws.errors import InvalidArgumentError


def share(block: Architecture, ties: Mapping[str, str] | str) -> Architecture:
    """The architecture with some parameters replaced by others.

    Parameters
    ----------
    block : any architecture
    ties : replaced parameter -> the one that takes its place, such as {"W2": "W1"}, or transposed {"W2": "W1.T"}; as a
        text, "W2 = W1.T, W3 = W1"

    The parameters of the result are those of the block that are not replaced. Raises InvalidArgumentError for unknown
    names, shapes that differ, and a parameter that would be replaced by one which is replaced itself.
    """
    check_architecture("block", block)
    sources = {name: _source(block, name, text) for name, text in _pairs(ties).items()}
    for name, (source, _) in sources.items():
        if source in sources:
            remedy = f"'{source}' is replaced itself; tie '{name}' to a parameter that is kept"
            raise InvalidArgumentError(f"ties[{name!r}]", source, remedy)
    kept = {name: shape for name, shape in block.parameters.items() if name not in sources}

    def shared(p: Any) -> dict[str, Any]:
        return {name: p[source].T if turned else p[source] for name, (source, turned) in sources.items()}

    def network(p: Namespace, *data_and_ops: Any) -> Any:
        return block.function(p | shared(p), *data_and_ops)

    text = ", ".join(f"{name} = {source}{'.T' if turned else ''}" for name, (source, turned) in sources.items())
    spec, patterns = spec_around("share", block, ties=text), _completing(block.patterns, shared)
    return Architecture(f"share({block.name}, {text})", kept, block.data, network, spec, patterns)


def freeze(block: Architecture, names: Iterable[str] | Mapping[str, Any] | str) -> Architecture:
    """The architecture with some parameters frozen: constants with one value in all samples, not trained.

    Parameters
    ----------
    block : any architecture
    names : of the parameters to freeze; as a text, separated by commas; or name -> array of rational numbers

    Without values they are generic: the count is that of almost all values, and only laws are found whose coefficients
    do not depend on them. With values all are, as |W1|^2 - |W3|^2 and <W1, F^T F W1> - <W3, W3 F F^T> for a frozen F
    between W1 and W3. To run the network, generic ones are taken from `params`, else they are fixed random.
    Raises InvalidArgumentError for unknown names, values of another shape, and if nothing would be left to train.
    """
    check_architecture("block", block)
    values = names if isinstance(names, Mapping) else {}
    chosen = dict.fromkeys(_listed(names))
    if not chosen:
        raise InvalidArgumentError("names", names, "at least one parameter to freeze is needed")
    for name in chosen:
        choice("names", name, block.parameters)
    given = {name: _frozen_values(name, value, block.parameters[name]) for name, value in values.items()}
    kept = {name: shape for name, shape in block.parameters.items() if name not in chosen}
    if not kept:
        remedy = "nothing would be left to train; leave out at least one parameter"
        raise InvalidArgumentError("names", sorted(chosen), remedy)

    def network(p: Namespace, *data_and_ops: Any) -> Any:
        ops: Operations = data_and_ops[-1]
        generic = {name: ops.frozen(name, block.parameters[name]) for name in chosen if name not in given}
        return block.function(p | generic | {name: ops.array(value) for name, value in given.items()}, *data_and_ops)

    def missing(params: Mapping[str, Any]) -> dict[str, Any]:
        generic = {name: constant_array(FROZEN + name, block.parameters[name]) for name in chosen if name not in params}
        return generic | {name: value.astype(float) for name, value in given.items()}

    text = ", ".join(chosen)
    # No spec has room for values.
    spec, patterns = None if given else spec_around("freeze", block, names=text), _completing(block.patterns, missing)
    return Architecture(f"freeze({block.name}, {text})", kept, block.data, network, spec, patterns)


def tied_autoencoder(d: int, hidden: int, activation: str = "relu") -> Architecture:
    """W^T act(W x) with one parameter W of shape (hidden, d); x has shape (d,).

    activation : as in :func:`lielaws.mlp`; "linear" gives phi = W^T W, whose laws need not be polynomial (DESIGN 3)

    Laws: arXiv 2307.00144, section 3. Raises InvalidArgumentError for sizes that are no positive integers.
    """
    d, hidden = positive_ints(d=d, hidden=hidden)
    act = find_activation(activation)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return p.W.T @ act(ops, p.W @ x)

    options = {"activation": act.name}
    recipe = Recipe("tied_autoencoder", {"d": d, "hidden": hidden}, options, front=options)
    return recipe.build({"W": (hidden, d)}, {"x": (d,)}, network)


def _frozen_values(name: str, value: Any, shape: Shape) -> npt.NDArray[np.object_]:
    """Exact values of a frozen parameter; floats are read as the decimal that they print."""
    try:
        array = np.asarray(value)
        numbers = [as_rational(entry) for entry in array.ravel().tolist()]
    except (TypeError, ValueError):
        array, numbers = np.zeros(()), [None]
    if any(number is None for number in numbers) or array.shape != shape:
        raise InvalidArgumentError(f"names[{name!r}]", value, f"rational numbers of shape {shape} are needed")
    return objects(numbers, shape)


def _completing(patterns: Patterns | None, missing: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Patterns | None:
    """The patterns of a block, when `missing` makes the parameters that are no longer given of those that are."""
    if patterns is None:
        return None

    def completed(params: Mapping[str, Any], x: Any) -> FloatArray:
        arrays = {name: np.asarray(value) for name, value in params.items()}
        return patterns(arrays | missing(arrays), x)

    return completed


def _listed(names: Any) -> list[str]:
    """The entries of a list of texts, or of a text with commas."""
    if isinstance(names, str):
        return [entry.strip() for entry in names.split(",")]
    listed = list(names) if isinstance(names, Iterable) else [names]
    if not all(isinstance(name, str) for name in listed):
        raise InvalidArgumentError("names", names, "a list of names is needed")
    return listed


def _pairs(ties: Any) -> dict[str, str]:
    if isinstance(ties, str):
        entries = ties.split(",")
        pairs = [(name.strip(), source.strip()) for name, _, source in (entry.partition("=") for entry in entries)]
        if any(entry.count("=") != 1 for entry in entries):
            raise InvalidArgumentError("ties", ties, "a text such as 'W2 = W1.T, W3 = W1' is needed")
        if len(dict(pairs)) < len(pairs):
            raise InvalidArgumentError("ties", ties, "a parameter is replaced twice")
        return dict(pairs)
    if not isinstance(ties, Mapping) or not ties or not all(isinstance(s, str) for pair in ties.items() for s in pair):
        raise InvalidArgumentError("ties", ties, "a mapping of at least one name to another is needed")
    return dict(ties)


def _source(block: Architecture, name: str, text: str) -> tuple[str, bool]:
    """The parameter that takes the place of `name`, and whether it is transposed."""
    # A parameter may be called "T", as in "1.T": a name that is known is not a transpose.
    transposed = text.endswith(".T") and text not in block.parameters
    source = text.removesuffix(".T") if transposed else text
    for one in (name, source):
        choice("ties", one, block.parameters)
    if source == name:
        raise InvalidArgumentError(f"ties[{name!r}]", text, "a parameter cannot take its own place")
    shape, needed = block.parameters[source], block.parameters[name]
    if (shape[::-1] if transposed else shape) != needed:
        remedy = f"it has shape {shape[::-1] if transposed else shape}, but '{name}' has shape {needed}"
        raise InvalidArgumentError(f"ties[{name!r}]", text, remedy)
    return source, transposed
