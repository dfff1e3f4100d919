"""Integer functions of the sizes of an architecture, over many architectures at once.

A case is one choice of sizes. Its columns are the named sizes; networks of varying depth have a chain of widths
besides, and then the first width, the last one and the number of layers are columns as well. Layer sums run over three
frames: the hidden layers l = 1..L-1, which see w[l-1], w[l] and w[l+1]; the weight matrices l = 1..L, which see w[l-1]
and w[l]; all layers l = 0..L.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray

BEFORE, HERE, AFTER = "w[l-1]", "w[l]", "w[l+1]"
FIRST, LAST, DEPTH = "w[0]", "w[L]", "L"
HIDDEN, WEIGHTS, LAYERS = "hidden", "weights", "layers"
FRAMES = (HIDDEN, WEIGHTS, LAYERS)
PICKED = ("least", "second", "largest")


@dataclass(frozen=True, slots=True)
class Derived:
    """A column made from others.

    kind : "min", "max" or "product" of the named columns, or "least", "second" or "largest" of the widths of a
        frame: the second smallest one is at least 2 where at most one width is 1
    names : the columns, or the frame
    """

    kind: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        if self.kind == "product":
            return "*".join(self.names)
        if self.kind in PICKED:
            kind = "second least" if self.kind == "second" else self.kind
            return f"{kind} {'hidden ' if self.names == (HIDDEN,) else ''}width"
        return f"{self.kind}({', '.join(self.names)})"


Name = str | Derived


@dataclass(frozen=True, slots=True)
class Form:
    """The integer function sum of coefficient times column, plus a constant; or its positive part."""

    coefficients: tuple[tuple[Name, int], ...]
    constant: int = 0
    clipped: bool = False

    @property
    def names(self) -> tuple[Name, ...]:
        return tuple(name for name, _ in self.coefficients)

    @property
    def cost(self) -> int:
        """How much there is to say: a plain column costs 1."""
        extra = sum(len(name.names) for name in self.names if isinstance(name, Derived) and name.names[0] not in FRAMES)
        return sum(abs(value) for _, value in self.coefficients) + min(abs(self.constant), 4) + extra + self.clipped


def plain(name: Name) -> Form:
    return Form(((name, 1),))


@dataclass(frozen=True)
class Cases:
    """Many choices of sizes.

    names : of the sizes that are single numbers
    columns : name -> (n,) integers
    chains : the widths of each case, or None
    varying : whether chains may have different lengths; if not, each of their widths is a column, too
    widths : the names among `names` that are widths of the chain
    """

    names: tuple[str, ...]
    columns: Mapping[str, IntArray]
    chains: tuple[tuple[int, ...], ...] | None = None
    varying: bool = False
    widths: tuple[str, ...] = ()
    cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        if self.chains is not None:
            return len(self.chains)
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def scalars(self) -> tuple[str, ...]:
        """Columns that polynomials may use: the names, and what a chain of varying length adds."""
        return (*self.names, FIRST, LAST, DEPTH) if self.varying else self.names

    def take(self, rows: IntArray | Sequence[int]) -> Cases:
        index = np.asarray(rows, dtype=np.int64)
        chains = None if self.chains is None else tuple(self.chains[i] for i in index)
        columns = {name: column[index] for name, column in self.columns.items()}
        return Cases(self.names, columns, chains, self.varying, self.widths)

    def column(self, name: Name) -> IntArray:
        """(n,) the values of a column."""
        if name not in self.cache:
            self.cache[name] = self._column(name)
        found: IntArray = self.cache[name]
        return found

    def _column(self, name: Name) -> IntArray:
        if isinstance(name, Derived):
            return self._derived(name)
        if name in self.columns:
            return self.columns[name]
        assert self.chains is not None
        if name == DEPTH:
            return np.array([len(widths) - 1 for widths in self.chains], dtype=np.int64)
        end = {FIRST: 0, LAST: -1}[name]
        return np.array([widths[end] for widths in self.chains], dtype=np.int64)

    def _derived(self, name: Derived) -> IntArray:
        if name.kind in PICKED:
            assert self.chains is not None
            part = slice(1, -1) if name.names == (HIDDEN,) else slice(None)
            # A network without hidden layers fulfils every condition on them.
            empty = 0 if name.kind == "largest" else 2**31
            place = {"least": 0, "second": 1, "largest": -1}[name.kind]
            padding = [empty] * (1 if name.kind == "largest" else 2)
            ordered = [sorted((*widths[part], *padding)) for widths in self.chains]
            return np.array([widths[place] for widths in ordered], dtype=np.int64)
        stacked = np.stack([self.column(part) for part in name.names])
        if name.kind == "product":
            product: IntArray = stacked.prod(axis=0)
            return product
        extreme: IntArray = stacked.min(axis=0) if name.kind == "min" else stacked.max(axis=0)
        return extreme

    def frame(self, frame: str) -> tuple[Mapping[str, IntArray], IntArray]:
        """The local columns of a frame, one entry for each layer of each case, and the number of the case."""
        if frame not in self.cache:
            self.cache[frame] = self._frame(frame)
        found: tuple[Mapping[str, IntArray], IntArray] = self.cache[frame]
        return found

    def _frame(self, frame: str) -> tuple[Mapping[str, IntArray], IntArray]:
        assert self.chains is not None
        low, high = {HIDDEN: (1, -1), WEIGHTS: (1, 0), LAYERS: (0, 0)}[frame]
        layers = [(case, layer) for case, widths in enumerate(self.chains) for layer in range(low, len(widths) + high)]
        owner = np.array([case for case, _ in layers], dtype=np.int64)
        seen = {HERE: 0} | ({} if frame == LAYERS else {BEFORE: -1}) | ({AFTER: 1} if frame == HIDDEN else {})
        local = {
            name: np.array([self.chains[case][layer + shift] for case, layer in layers], dtype=np.int64)
            for name, shift in seen.items()
        }
        return local, owner

    def form(self, form: Form, frame: str | None = None) -> IntArray:
        """(n,) the values of a form; in a frame, one for each layer of each case."""
        key = (form, frame)
        if key not in self.cache:
            columns = self.column if frame is None else self.frame(frame)[0].__getitem__
            length = len(self) if frame is None else len(self.frame(frame)[1])
            total = np.full(length, form.constant, dtype=np.int64)
            for name, value in form.coefficients:
                total = total + value * columns(name)  # type: ignore[arg-type]
            self.cache[key] = np.maximum(total, 0) if form.clipped else total
        found: IntArray = self.cache[key]
        return found

    def largest(self, form: Form) -> IntArray:
        """(n,) the largest value of a form over the hidden layers; very small without hidden layers."""
        local, owner = self.form(form, HIDDEN), self.frame(HIDDEN)[1]
        largest = np.full(len(self), -(2**40), dtype=np.int64)
        np.maximum.at(largest, owner, local)
        return largest
