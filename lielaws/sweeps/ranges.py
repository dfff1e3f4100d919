"""The values that a key of a sweep ranges over: one value, a list of values, or a range {from = 1, to = 4}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lielaws.sweeps.grids import Chain, Grid, Mapped, Product, Values, every
from lielaws.sweeps.places import Spot

if TYPE_CHECKING:
    from lielaws.spec.language import Expression

_RANGE_KEYS = ("from", "to", "step")
_LAYER_KEYS = ("layers", "each", "equal")
_NONE = "none"
_MANY_LAYERS = 1000


def integers(value: Any, spot: Spot, *, texts: bool = True, least: int | None = None) -> Grid:
    """Integers: one, a list, or a range; with `texts` also expressions in the variables, such as "2*n", to be resolved.

    Raises SpecError for anything else, and for empty lists and ranges.
    """
    if _is_range(value):
        return Values(_range(value, spot, least))
    entries = listed(value, spot)
    return Values([_integer(entry, spot, texts, least) for entry in entries])


def listed(value: Any, spot: Spot) -> list[Any]:
    """A value as a list of values. Raises SpecError for an empty one."""
    if not isinstance(value, list | tuple):
        return [value]
    if not value:
        raise spot.error([], "empty; give at least one value")
    return list(value)


def each_size(value: Any, spot: Spot) -> Grid:
    """Lists of sizes, such as the widths of a network: a list with an entry for each place, or a table.

    [2, {from = 1, to = 4}, [1, 3]] has 8 lists; {layers = {from = 2, to = 3}, each = [2, 3]} has all lists of 3 or 4
    entries among 2 and 3; with `equal = true` only those with equal entries.
    """
    if isinstance(value, Mapping):
        return _layered(value, spot)
    if not isinstance(value, list | tuple):
        raise spot.error(value, "a list with one entry for each size is needed, such as [2, {from = 1, to = 4}, 2]")
    if not value:
        raise spot.error([], "empty; give at least one size")
    return Product(tuple(integers(entry, spot.key(k), least=1) for k, entry in enumerate(value)))


def _layered(table: Mapping[str, Any], spot: Spot) -> Grid:
    for name in table:
        if name not in _LAYER_KEYS:
            raise spot.key(name).unknown(_LAYER_KEYS)
    if missing := [name for name in ("layers", "each") if name not in table]:
        raise spot.error(
            table, f"the key '{missing[0]}' is missing; such as {{layers = 2, each = {{from = 1, to = 4}}}}"
        )
    equal = table.get("equal", False)
    if not isinstance(equal, bool):
        raise spot.key("equal").error(equal, "true or false is needed")
    layers = integers(table["layers"], spot.key("layers"), texts=False, least=1)
    each = integers(table["each"], spot.key("each"), least=1)
    parts = []
    for depth in every(layers):
        if depth > _MANY_LAYERS:
            raise spot.key("layers").error(depth, f"at most {_MANY_LAYERS} are supported")
        parts.append(Mapped(_repeated(depth + 1), each) if equal else Product((each,) * (depth + 1)))
    return Chain(tuple(parts))


def _repeated(times: int) -> Callable[[Any], tuple[Any, ...]]:
    return lambda size: (size,) * times


def plain_values(value: Any, spot: Spot, *, lists: bool = False) -> Grid:
    """Values of any other kind: one or a list; of kinds that are lists themselves, one list or a list of lists.

    The text "none" stands for None, which TOML lacks.
    """
    if _is_range(value) and not lists:
        return Values(_range(value, spot, None))
    if lists and not (isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple | str)):
        return Values([_without_none(value)])
    return Values([_without_none(entry) for entry in listed(value, spot)])


def _without_none(value: Any) -> Any:
    return None if value == _NONE else value


def _is_range(value: Any) -> bool:
    return isinstance(value, range) or (isinstance(value, Mapping) and any(name in value for name in _RANGE_KEYS))


def _range(value: Any, spot: Spot, least: int | None) -> range:
    if isinstance(value, range):
        found = value
    else:
        for name in value:
            if name not in _RANGE_KEYS:
                raise spot.key(name).unknown(_RANGE_KEYS)
        first, last, step = (_bound(value, name, spot) for name in _RANGE_KEYS)
        if step < 1:
            raise spot.error(value, "the step of a range must be at least 1")
        found = range(first, last + 1, step)
    if not found:
        raise spot.error(_shown_range(value), "this range is empty; 'to' must be at least 'from'")
    if least is not None and min(found[0], found[-1]) < least:
        raise spot.error(_shown_range(value), f"sizes start at {least}")
    return found


def _bound(table: Mapping[str, Any], name: str, spot: Spot) -> int:
    if name not in table:
        if name == "step":
            return 1
        raise spot.error(_shown_range(table), f"the key '{name}' is missing; such as {{from = 1, to = 4}}")
    bound = _integer(table[name], spot.key(name), False, None)
    assert isinstance(bound, int)
    return bound


def _shown_range(value: Any) -> str:
    if isinstance(value, range):
        return repr(value)
    return "{" + ", ".join(f"{name} = {value[name]}" for name in value) + "}"


def _integer(value: Any, spot: Spot, texts: bool, least: int | None) -> int | Expression | None:
    from lielaws.spec.kinds import to_int
    from lielaws.spec.language import parse
    from lielaws.spec.messages import Place

    if isinstance(value, str) and texts:
        return None if value == _NONE else parse(value, where=str(spot))
    number = to_int(value, Place(str(spot)))
    if least is not None and number < least:
        raise spot.error(number, f"sizes start at {least}")
    return number
