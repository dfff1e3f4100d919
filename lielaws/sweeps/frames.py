"""Rows as pandas DataFrames, with an accessor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.export import flat_columns


def frame_of(rows: Sequence[Any]) -> Any:
    """A DataFrame with the columns of the CSV; growth and laws stay lists. Registers the accessor `frame.lielaws`.

    Raises LieLawsError if pandas is not there.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise LieLawsError("to_pandas() needs pandas; pip install pandas") from error
    _register()
    columns = flat_columns(rows)
    for name in ("growth", "laws", "hypotheses", "versions", "spec"):
        columns[name] = [row[name] for row in rows]
    frame = pd.DataFrame({name: pd.Series(values, dtype=_type(values)) for name, values in columns.items()})
    frame.attrs["lielaws"] = True
    return frame


def _type(values: list[Any]) -> str:
    """A type in which a missing number stays missing, and integers stay integers."""
    kinds = {type(value) for value in values if value is not None}
    known = {bool: "boolean", int: "Int64", float: "Float64", str: "string"}
    return known.get(next(iter(kinds)), "object") if len(kinds) == 1 else "object"


@cache
def _register() -> None:
    from pandas.api.extensions import register_dataframe_accessor

    register_dataframe_accessor("lielaws")(Accessor)


class Accessor:
    """`frame.lielaws`: questions about the results of a sweep in a DataFrame that `Results.to_pandas` made."""

    def __init__(self, frame: Any) -> None:
        if "n_laws" not in frame.columns or "architecture" not in frame.columns:
            raise AttributeError("only a frame made by Results.to_pandas() has the accessor 'lielaws'")
        self._frame = frame

    @property
    def complete(self) -> Any:
        """The rows whose list of laws is complete."""
        return self._frame[self._frame["complete"].fillna(False)]

    @property
    def gaps(self) -> Any:
        """The rows in which fewer laws were found than there may be."""
        searched = self._frame["find_laws"] & self._frame["error"].isna()
        return self._frame[searched & ~self._frame["complete"].fillna(False)]

    @property
    def errors(self) -> Any:
        """The rows of cases that failed."""
        return self._frame[self._frame["error"].notna()]

    def pivot(self, rows: str, columns: str, value: str = "n_laws") -> Any:
        """The mean of a value over two sizes, such as "widths[0]" and "widths[1]"."""
        return self._frame.pivot_table(index=rows, columns=columns, values=value)
