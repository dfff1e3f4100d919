"""Many laws of degree at most two as sparse arrays: h = q + l + const with q(x) = b(x, x), l linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.flows.state import Shape
from lielaws.engine.laws.law import Law
from lielaws.errors import InvalidArgumentError, UnsupportedError
from lielaws.training.framework_tensors import Layout

_Entries = list[tuple[int, int, float]]


@dataclass(frozen=True, eq=False)
class LawForms:
    """The quadratic and linear parts of the laws on the vector of the tensors that they involve.

    laws : in the order of all results
    supports : for each law, the tensors that it involves, as positions in `layout.names`
    squares : (laws, entries), the coefficients of x_i^2
    first, second : (terms,), the entries of each product x_i x_j with i < j
    products : (laws, terms), half their coefficients
    linear : (laws, entries)
    constant : (laws,)
    weights, floor : (laws, entries) and (laws,), of the scale: |c| (x^2 + y^2) / 2 for each term c x y, with y = 1 in
        a linear one
    """

    laws: tuple[Law, ...]
    layout: Layout
    supports: tuple[tuple[int, ...], ...]
    squares: csr_array
    first: IntArray
    second: IntArray
    products: csr_array
    linear: csr_array
    constant: FloatArray
    weights: csr_array
    floor: FloatArray

    @classmethod
    def of(cls, laws: Sequence[Law]) -> LawForms:
        """Raises UnsupportedError for a law that is no polynomial of degree one or two in the parameters."""
        layout = Layout(_shapes(laws))
        squares: _Entries = []
        pairs: dict[tuple[int, int], int] = {}
        products: _Entries = []
        linear: _Entries = []
        weights: _Entries = []
        constant, floor = np.zeros(len(laws)), np.zeros(len(laws))
        supports = []
        for number, law in enumerate(laws):
            place, support = _places(law, layout)
            supports.append(support)
            for monomial, integer in law.polynomial.terms:
                value = _float(law, integer)
                entries = sorted(place[coordinate] for coordinate in monomial)
                if not entries:
                    constant[number] = value
                elif len(entries) == 1:
                    linear.append((number, entries[0], value))
                    weights.append((number, entries[0], abs(value) / 2))
                    floor[number] += abs(value) / 2
                elif entries[0] == entries[1]:
                    squares.append((number, entries[0], value))
                    weights.append((number, entries[0], abs(value)))
                else:
                    term = pairs.setdefault((entries[0], entries[1]), len(pairs))
                    products.append((number, term, value / 2))
                    weights += [(number, entry, abs(value) / 2) for entry in entries]
        both = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
        size = int(layout.sizes.sum())
        return cls(
            laws=tuple(laws),
            layout=layout,
            supports=tuple(supports),
            squares=_sparse(squares, (len(laws), size)),
            first=np.ascontiguousarray(both[:, 0]),
            second=np.ascontiguousarray(both[:, 1]),
            products=_sparse(products, (len(laws), len(both))),
            linear=_sparse(linear, (len(laws), size)),
            constant=constant,
            weights=_sparse(weights, (len(laws), size)),
            floor=floor,
        )

    @property
    def count(self) -> int:
        return len(self.laws)

    def bilinear(self, vectors: FloatArray, pairs: Sequence[tuple[int, int]]) -> FloatArray:
        """b(vectors[i], vectors[j]) of all laws for each pair (i, j), shape (pairs, laws)."""
        result = np.stack([self.squares @ (vectors[i] * vectors[j]) for i, j in pairs])
        if len(self.first):
            # Gathered once for each vector, not once for each pair.
            first, second = vectors[:, self.first], vectors[:, self.second]
            for k, (i, j) in enumerate(pairs):
                result[k] += self.products @ (first[i] * second[j] + second[i] * first[j])
        return result

    def linear_of(self, vectors: FloatArray) -> FloatArray:
        """l of each vector, shape (vectors, laws)."""
        return np.stack([self.linear @ vector for vector in vectors])

    def scale(self, vector: FloatArray) -> FloatArray:
        """For each law the sum of squares of the entries involved: |c| (x^2 + y^2) / 2 for a term c x y.

        For differences of squared norms this is what it says. A linear term c x counts as c x y with y = 1: the entries
        of a linear law may all start at 0, and rounding moves them.
        """
        return np.asarray(self.weights @ (vector * vector) + self.floor)

    @cached_property
    def purely_linear(self) -> npt.NDArray[np.bool_]:
        """Which laws have no quadratic part, shape (laws,)."""
        lengths = [np.diff(part.indptr) for part in (self.squares, self.products)]
        return np.asarray(lengths[0] + lengths[1] == 0)


def _shapes(laws: Sequence[Law]) -> dict[str, Shape]:
    """The tensors that the laws involve. Laws of several architectures may come together if their tensors agree."""
    shapes: dict[str, Shape] = {}
    for number, law in enumerate(laws):
        _check(number, law)
        for name in sorted(set(_tensors(law).values()), key=law.space.offsets.__getitem__):
            shape = tuple(law.space.shapes[name])
            if shapes.setdefault(name, shape) != shape:
                remedy = f"tensor '{name}' has shape {shapes[name]} in the laws before, and {shape} here"
                raise InvalidArgumentError(f"laws[{number}]", str(law), remedy)
    return shapes


def _tensors(law: Law) -> dict[int, str]:
    """The tensor of each coordinate that the law involves."""
    names, offsets = list(law.space.offsets), list(law.space.offsets.values())
    coordinates = sorted(law.polynomial.coordinates)
    found = np.searchsorted(offsets, coordinates, side="right") - 1
    return {coordinate: names[k] for coordinate, k in zip(coordinates, found.tolist(), strict=True)}


def _check(number: int, law: Any) -> None:
    argument = f"laws[{number}]"
    if not isinstance(law, Law):
        raise InvalidArgumentError(argument, law, "a Law is needed, as in the `laws` of a report")
    space = law.space
    # A space of the gradient flow has neither; their laws change with time even where the balance holds.
    moving = {"t"} if getattr(space, "clock", None) is not None else set()
    moving |= set(getattr(space, "velocities", ()))
    if moving.intersection(_tensors(law).values()):
        remedy = (
            "it involves time or velocities; the balance follows laws of the gradient flow, discover_laws(arch), and "
            "has momentum and decay as arguments"
        )
        raise UnsupportedError(argument, str(law), remedy)
    if law.degree > 2:
        remedy = f"degree {law.degree}; only up to degree 2 is the change in a step a closed recursion, leave it out"
        raise UnsupportedError(argument, str(law), remedy)
    if law.degree < 1:
        raise InvalidArgumentError(argument, str(law), "a constant is no law")


def _places(law: Law, layout: Layout) -> tuple[dict[int, int], tuple[int, ...]]:
    """The entry of the vector for each coordinate that the law involves, and the positions of its tensors."""
    tensors = _tensors(law)
    shift = {name: layout.offsets[name] - law.space.offsets[name] for name in set(tensors.values())}
    positions = tuple(sorted(layout.names.index(name) for name in shift))
    return {coordinate: coordinate + shift[name] for coordinate, name in tensors.items()}, positions


def _float(law: Law, coefficient: int) -> float:
    try:
        return float(coefficient)
    except OverflowError:
        raise UnsupportedError("laws", str(law), "a coefficient is beyond float64; leave the law out") from None


def _sparse(entries: _Entries, shape: tuple[int, int]) -> csr_array:
    rows, columns, values = (np.array(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
    return csr_array((np.asarray(values, dtype=np.float64), (rows, columns)), shape=shape)
