"""The settings of a sweep that are not the architecture: flow, loss, gates, tensors, degree, seed, what to compute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.case import COMPUTE
from lielaws.sweeps.grids import Grid, Mapped, Values, every
from lielaws.sweeps.places import Spot
from lielaws.sweeps.ranges import integers, listed

SETTINGS = ("flow", "loss", "gates", "parameters", "max_degree", "seed", "compute")


@dataclass(frozen=True, slots=True)
class FlowChoice:
    """A flow as it is written, and as it describes itself."""

    written: str | Mapping[str, Any]
    identity: Mapping[str, Any]


def settings_grid(name: str, value: Any, spot: Spot) -> Grid:
    """The values of one setting: keywords of :class:`lielaws.sweeps.case.Case`. Raises SpecError."""
    made = _READERS[name](value, spot)
    return Mapped(lambda entry: (name, entry), made)


def _flows(value: Any, spot: Spot) -> Grid:
    return Values([read_choice(entry, spot) for entry in listed(value, spot)])


def read_choice(value: Any, spot: Spot) -> FlowChoice:
    """A flow from a text, a table, or an object such as HeavyBall(0.5). Raises SpecError."""
    from lielaws.spec import read_flow

    try:
        if isinstance(value, str | Mapping):
            flow = read_flow(value)
        elif hasattr(value, "dynamics") and hasattr(value, "describe") and not isinstance(value, type):
            flow = value
            value = _as_table(flow, spot)
        else:
            raise spot.error(value, "a flow such as 'gradient', 'heavy_ball:1/2' or HeavyBall(0.5) is needed")
    except LieLawsError as error:
        spot.relocate(error)
    identity = flow.describe()
    if set(identity) == {"kind"} or (len(identity) == 2 and all(isinstance(entry, str) for entry in identity.values())):
        return FlowChoice(":".join(identity.values()), identity)
    return FlowChoice(value if isinstance(value, str) else _plain(value), identity)


def _as_table(flow: Any, spot: Spot) -> Any:
    """The table that is read as a flow object."""
    from lielaws.spec import read_flow

    own = {name: getattr(flow, name) for name in ("potential", "parameters") if hasattr(flow, name)}
    metric = getattr(flow, "metric", None)
    if hasattr(metric, "dynamics"):
        kinds = [{**flow.describe(), "metric": _as_table(metric, spot)}]
    else:
        kinds = [{"kind": "mirror", **own}, {"kind": "metric", "metric": metric}, flow.describe()]
    for table in kinds:
        try:
            plain = _plain(table)
            if read_flow(plain).describe() == flow.describe():
                return plain
        except (LieLawsError, TypeError, ValueError):
            continue
    raise spot.error(str(flow), "this flow cannot be written down; give it as a text such as 'metric:1/x'")


def _plain(table: Any) -> Any:
    from lielaws.spec import describe

    return json.loads(json.dumps(describe(table)))


def _words(name: str) -> Any:
    def read(value: Any, spot: Spot) -> Grid:
        from lielaws.questions import GATES, LOSSES

        known = {"loss": LOSSES, "gates": GATES, "compute": COMPUTE}[name]
        for entry in listed(value, spot):
            if not isinstance(entry, str):
                raise spot.error(entry, f"one of {', '.join(known)} is needed")
            if entry not in known:
                from lielaws.errors import nearest

                raise spot.error(entry, nearest(entry, known))
        return Values(listed(value, spot))

    return read


def _tensors(value: Any, spot: Spot) -> Grid:
    """Names as a list or as a text with commas; a list of lists is several choices."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",")]
    entries = value if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple) else [value]
    for names in entries:
        if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
            raise spot.error(names, "a list of names of tensors is needed, such as ['W1', 'W2']")
    return Values([tuple(names) for names in entries])


def _degrees(value: Any, spot: Spot) -> Grid:
    grid = integers(value, spot, texts=False)
    for degree in every(grid):
        if degree < 1 or degree > 12:
            raise spot.error(degree, "a degree from 1 to 12 is needed")
    return grid


def _seeds(value: Any, spot: Spot) -> Grid:
    grid = integers(value, spot, texts=False)
    for seed in every(grid):
        if seed < 0:
            raise spot.error(seed, "a nonnegative integer is needed")
    return grid


_READERS: Mapping[str, Any] = {
    "flow": _flows,
    "loss": _words("loss"),
    "gates": _words("gates"),
    "compute": _words("compute"),
    "parameters": _tensors,
    "max_degree": _degrees,
    "seed": _seeds,
}
