"""Rows of our own: the counts of a family over a grid of sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, LieLawsError, nearest
from lielaws.formulas.counting import Make

_MOST_ROWS = 160
_DEPTHS = (2, 3)
_LARGEST = 4


def own_rows(
    family: str | None,
    make: Make | None,
    sizes: Mapping[str, Iterable[Any]] | None,
    depth: int | Iterable[int] | None,
    largest: int | None,
    settings: Mapping[str, Any],
    seed: int,
) -> tuple[list[dict[str, Any]], Make]:
    """Rows with sizes and counts, and the function from sizes to what has these counts.

    A grid of more than 160 choices is sampled. Choices for which there is no architecture are left out.
    """
    if make is None:
        if family is None:
            raise InvalidArgumentError("results", None, "rows, a family, or make and sizes are needed")
        make = _from_family(family)
    choices = list(_choices(family, sizes, depth, largest))
    if not choices:
        raise InvalidArgumentError("sizes", sizes, "every size needs at least one value")
    if len(choices) > _MOST_ROWS:
        kept = np.random.default_rng(seed).permutation(len(choices))[:_MOST_ROWS]
        choices = [choices[i] for i in sorted(kept)]
    rows, failure = [], None
    for chosen in choices:
        try:
            rows.append(_row(make, chosen, settings, seed) | ({} if family is None else {"family": family}))
        except LieLawsError as error:
            failure = error
    if not rows and failure is not None:
        raise failure
    return rows, make


def _row(make: Callable[[Any], Any], sizes: Any, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    from lielaws.discover import discover_laws

    made = make(sizes)
    if isinstance(made, int | np.integer) and not isinstance(made, bool):
        return {"sizes": sizes, "n_laws": int(made)}
    report = made if hasattr(made, "n_laws") else discover_laws(made, **settings, find_laws=False, seed=seed)
    return {"sizes": sizes, "n_laws": report.n_laws, "closed": report.closed, "n_parameters": report.n_parameters}


def _from_family(name: str) -> Make:
    """Specs of a family that lielaws knows."""
    family = _known(name)

    def spec(sizes: Any) -> dict[str, Any]:
        return {"family": name, **({family.sizes_argument: sizes} if isinstance(sizes, list) else sizes)}

    return spec


def _known(name: str) -> Any:
    from lielaws.spec.families import families

    if not isinstance(name, str) or name not in families():
        raise InvalidArgumentError("family", name, nearest(str(name), families()))
    return families()[name]


def _choices(
    family: str | None,
    sizes: Mapping[str, Iterable[Any]] | None,
    depth: int | Iterable[int] | None,
    largest: int | None,
) -> Iterable[Any]:
    if sizes is not None:
        if not isinstance(sizes, Mapping) or not sizes:
            raise InvalidArgumentError("sizes", sizes, "a mapping of names to the values of each size is needed")
        values = {name: _values(name, each) for name, each in sizes.items()}
        return (dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))
    if family is None:
        raise InvalidArgumentError("sizes", None, "the values of each size are needed, such as {'n': range(1, 4)}")
    top = _LARGEST if largest is None else largest
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise InvalidArgumentError("largest", largest, "a positive integer is needed")
    argument = _known(family).sizes_argument
    if argument is None:
        raise InvalidArgumentError("family", family, "it has no sizes; give make and sizes")
    if isinstance(argument, tuple):
        return (dict(zip(argument, chosen, strict=True)) for chosen in product(range(1, top + 1), repeat=len(argument)))
    return (list(widths) for each in _depths(depth) for widths in _chains(each, top))


def _chains(depth: int, top: int) -> Iterable[tuple[int, ...]]:
    if top ** (depth + 1) <= 20 * _MOST_ROWS:
        return product(range(1, top + 1), repeat=depth + 1)
    rng = np.random.default_rng(depth)
    return (tuple(int(width) for width in rng.integers(1, top + 1, size=depth + 1)) for _ in range(_MOST_ROWS))


def _depths(depth: int | Iterable[int] | None) -> tuple[int, ...]:
    if depth is None:
        return _DEPTHS
    found = (depth,) if isinstance(depth, int) else tuple(depth) if isinstance(depth, Iterable) else ()
    if not found or any(isinstance(each, bool) or not isinstance(each, int) or each < 1 for each in found):
        raise InvalidArgumentError("depth", depth, "positive integers, the numbers of weight matrices, are needed")
    return found


def _values(name: str, values: Any) -> list[Any]:
    if isinstance(values, int):
        return [values]
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidArgumentError(f"sizes[{name!r}]", values, "a list or a range of sizes is needed")
    return list(values)
