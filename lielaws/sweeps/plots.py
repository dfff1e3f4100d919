"""Plots of results. Each function draws into axes, new ones by default, and returns them; needs the extra `plot`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from lielaws.errors import InvalidArgumentError, LieLawsError, nearest
from lielaws.sweeps.naming import lookup

Row = Mapping[str, Any]

_MOST_LINES = 12
_MOST_GROWTHS = 40
_BRIGHT = 0.6


def laws_against(rows: Iterable[Row], size: str, value: str = "n_laws", ax: Any = None) -> Any:
    """The number of laws against a size such as "widths[1]" or "D", one line for each setting of everything else.

    With more than 12 of these, points alone. Raises InvalidArgumentError if there is nothing to draw.
    """
    known = _computed(rows)
    xs, ys = _numbers(size, known, "size"), _numbers(value, known, "value")
    lines: dict[str, list[tuple[float, float]]] = {}
    for row, x, y in zip(known, xs, ys, strict=True):
        if x is not None and y is not None:
            lines.setdefault(_others(row, size), []).append((x, y))
    axes = _axes(ax)
    if len(lines) <= _MOST_LINES:
        for label, points in lines.items():
            axes.plot(*zip(*sorted(points), strict=True), marker="o", label=label)
        _legend(axes)
    else:
        points = sorted(point for line in lines.values() for point in line)
        axes.plot(*zip(*points, strict=True), "o", alpha=0.5)
    axes.set_xlabel(size)
    axes.set_ylabel(_label(value))
    return axes


def heat_map(rows: Iterable[Row], down: str, across: str, value: str = "n_laws", ax: Any = None) -> Any:
    """A value over two sizes. Where several rows fall into one place, their mean is shown.

    Raises InvalidArgumentError if there is nothing to draw.
    """
    import numpy as np

    known = _computed(rows)
    asked = ((down, "down"), (across, "across"), (value, "value"))
    columns = (_numbers(name, known, argument) for name, argument in asked)
    cells: dict[tuple[float, float], list[float]] = {}
    for i, j, found in zip(*columns, strict=True):
        if i is not None and j is not None and found is not None:
            cells.setdefault((i, j), []).append(found)
    first, second = sorted({i for i, _ in cells}), sorted({j for _, j in cells})
    grid = np.full((len(first), len(second)), np.nan)
    for (i, j), found in cells.items():
        grid[first.index(i), second.index(j)] = sum(found) / len(found)
    axes = _axes(ax)
    image = axes.imshow(grid, origin="lower", aspect="auto")
    axes.set_xticks(range(len(second)), [f"{j:g}" for j in second])
    axes.set_yticks(range(len(first)), [f"{i:g}" for i in first])
    for i, j in np.argwhere(~np.isnan(grid)):
        color = "black" if image.norm(grid[i, j]) > _BRIGHT else "white"
        axes.text(j, i, f"{grid[i, j]:g}", ha="center", va="center", color=color, fontsize="small")
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.figure.colorbar(image, ax=axes, label=_label(value))
    return axes


def time_against(rows: Iterable[Row], size: str = "n_parameters", ax: Any = None) -> Any:
    """Seconds against the number of parameters, both logarithmic, one colour for each family.

    Raises InvalidArgumentError if there is nothing to draw.
    """
    known = _computed(rows)
    axes = _axes(ax)
    points: dict[str, list[tuple[float, float]]] = {}
    for row, x in zip(known, _numbers(size, known, "size"), strict=True):
        if x is not None and row["seconds"]:
            points.setdefault(row["family"], []).append((x, float(row["seconds"])))
    for family, found in sorted(points.items()):
        axes.loglog(*zip(*sorted(found), strict=True), "o", alpha=0.6, label=family)
    _legend(axes)
    axes.set_xlabel(_label(size))
    axes.set_ylabel("seconds")
    return axes


def growth_vectors(rows: Iterable[Row], ax: Any = None) -> Any:
    """The rank of the brackets by depth, as a share of the dimension, one line for each architecture; at most 40.

    Raises InvalidArgumentError if there is nothing to draw.
    """
    known = _computed(rows)
    axes = _axes(ax)
    few = len(known) <= _MOST_LINES
    for row in known[:_MOST_GROWTHS]:
        growth: Sequence[int] = row["growth"]
        shares = [rank / row["dimension"] for rank in growth]
        axes.plot(range(1, len(growth) + 1), shares, marker="o", alpha=0.7, label=row["architecture"] if few else None)
    if few:
        _legend(axes)
    axes.set_xlabel("depth of the brackets")
    axes.set_ylabel("rank / dimension")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return axes


KINDS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "laws": (laws_against, 1),
    "heat": (heat_map, 2),
    "time": (time_against, 0),
    "growth": (growth_vectors, 0),
}
"""kind -> function, and how many sizes it needs"""


def save_plot(rows: Iterable[Row], kind: str, path: str | os.PathLike[str]) -> None:
    """Draw a plot into a file; its suffix decides the format.

    Parameters
    ----------
    kind : "laws:SIZE", "heat:SIZE,SIZE", "time" or "growth"; "laws:widths[1]" for instance

    Raises LieLawsError for what cannot be drawn or written.
    """
    name, _, rest = kind.partition(":")
    if name not in KINDS:
        raise InvalidArgumentError("plot", kind, nearest(name, KINDS))
    function, needed = KINDS[name]
    sizes = [size.strip() for size in rest.split(",") if size.strip()]
    if len(sizes) < needed:
        form = {"laws": "laws:widths[1]", "heat": "heat:widths[0],widths[1]"}[name]
        raise InvalidArgumentError("plot", kind, f"{needed} sizes are needed, such as '{form}'")
    axes = function(rows, *sizes[:needed])
    try:
        axes.figure.savefig(Path(path), dpi=150)
    except (OSError, ValueError) as error:
        raise LieLawsError(f"plot = '{path}': it cannot be written ({' '.join(str(error).split())})") from error


def _computed(rows: Iterable[Row]) -> list[Row]:
    known = [row for row in rows if row["error"] is None]
    if not known:
        raise InvalidArgumentError("rows", "0 rows without error", "there is nothing to draw; loosen the filters")
    return known


def _numbers(name: str, rows: Sequence[Row], argument: str) -> list[float | None]:
    """The values of a name or expression. Raises InvalidArgumentError if they are no numbers."""
    values = lookup(name, rows, argument)
    if bad := [value for value in values if not isinstance(value, int | float | Fraction | None)]:
        raise InvalidArgumentError(argument, name, f"numbers are needed, and one of its values is {bad[0]!r}")
    return [None if value is None else float(value) for value in values]


def _axes(ax: Any) -> Any:
    """The axes given, or those of a new figure that no window belongs to."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LieLawsError("plots need matplotlib; pip install 'lielaws[plot]'") from error
    return Figure(layout="constrained").add_subplot()


def _legend(axes: Any) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize="small")


def _others(row: Row, size: str) -> str:
    """All that distinguishes a row but one size, for a legend."""
    stem, _, place = size.partition("[")
    parts = [row["family"]]
    for name, value in row["sizes"].items():
        if name == stem and isinstance(value, list) and place:
            number = int(place.rstrip("]"))
            parts.append("-".join("n" if k == number % len(value) else str(entry) for k, entry in enumerate(value)))
        elif isinstance(value, list):
            parts.append("-".join(map(str, value)))
        elif name != size:
            parts.append(f"{name}={value}")
    parts += [f"{name}={value}" for name, value in (row["options"] or {}).items()]
    parts += [row["flow"]] if row["flow"] != "gradient" else []
    return " ".join(parts)


def _label(name: str) -> str:
    return {"n_laws": "laws", "n_parameters": "D", "n_found": "laws found"}.get(name, name)
