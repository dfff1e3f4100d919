"""Networks in spec files: named expressions that become one function over traced arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from lielaws.architectures.base import Architecture, checked_shapes
from lielaws.errors import SizeError, SpecError
from lielaws.spec.evaluation import evaluate
from lielaws.spec.language import Expression, plain
from lielaws.spec.messages import did_you_mean, one_line, printable

_MOST_ENTRIES = 10**6


def network(
    parameters: Mapping[str, tuple[int, ...]],
    data: Mapping[str, tuple[int, ...]],
    output: Expression,
    let: Mapping[str, Expression] | None = None,
    name: str = "network",
) -> Architecture:
    """The architecture of a network in a spec file.

    Parameters
    ----------
    parameters, data : name -> shape; data without the batch axis
    output, let : as in :func:`network_function`
    name : used in reports

    Raises SpecError for mistakes in the expressions; see also :func:`lielaws.architecture`.
    """
    parameters, data = checked_shapes("parameters", parameters, 1), checked_shapes("data", data, 1)
    steps, name = dict(let or {}), printable(one_line(name)) or "network"
    spec = {
        "family": "network",
        "name": name,
        "parameters": {key: list(shape) for key, shape in parameters.items()},
        "data": {key: list(shape) for key, shape in data.items()},
        "let": {key: expression.source for key, expression in steps.items()},
        "output": output.source,
    }
    made = Architecture(name, parameters, data, network_function(parameters, data, output, steps), spec)
    made.traced  # noqa: B018  a mistake in the network is reported here, with its place in the file
    return made


def network_function(
    parameters: Iterable[str],
    data: Iterable[str],
    output: Expression,
    let: Mapping[str, Expression] | None = None,
) -> Callable[..., Any]:
    """A network `function(p, *data, ops)`, as :func:`lielaws.architecture` takes it.

    Parameters
    ----------
    parameters, data : their names; data in the order in which they are passed
    output : the value of the network
    let : intermediate values by name, each an expression in the parameters, the data and the earlier ones

    Raises SpecError for names that are not known where they are used, that are given twice, or that are never used.
    """
    tensors, inputs, steps = tuple(parameters), tuple(data), dict(let or {})
    used = _checked_names(tensors, inputs, steps, output)

    def network(p: Any, *data_and_ops: Any) -> Any:
        *values, ops = data_and_ops
        environment = {name: p[name] for name in tensors if name in used} | dict(zip(inputs, values, strict=True))
        functions = {name: _bounded(name, function) for name, function in ops.table().items()}
        for name, expression in steps.items():
            environment[name] = evaluate(expression, environment, functions, plain)
        return evaluate(output, environment, functions, plain)

    return network


def _checked_names(
    tensors: tuple[str, ...], inputs: tuple[str, ...], steps: Mapping[str, Expression], output: Expression
) -> set[str]:
    """The names that are used."""
    if both := [name for name in inputs if name in tensors]:
        raise SpecError("data", both[0], "also the name of a parameter; rename one of them")
    known, used = {*tensors, *inputs}, set()
    for step, expression in [*steps.items(), (None, output)]:
        for name in expression.names:
            if name not in known:
                raise SpecError(expression.where, expression.source, f"name '{name}' is {did_you_mean(name, known)}")
        if step in known:
            raise SpecError("let", step, "this name is taken; choose another")
        used |= set(expression.names)
        if step is not None:
            known.add(step)
    if unused := sorted(known - used):
        raise SpecError("output", unused, "declared but not used; remove them")
    return used


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, refusing integers that ask for huge arrays, such as zeros(shape=(100000, 100000))."""

    @wraps(function)
    def bounded(*arguments: Any, **keywords: Any) -> Any:
        values = (*arguments, *keywords.values())
        flat = [entry for value in values for entry in (value if isinstance(value, list | tuple) else (value,))]
        entries = math.prod(max(1, abs(entry)) for entry in flat if isinstance(entry, int))
        if entries ** (2 if name == "eye" else 1) > _MOST_ENTRIES:
            raise SizeError(f"{name}(...)", entries, f"it would have more than {_MOST_ENTRIES:,} entries")
        return function(*arguments, **keywords)

    return bounded
