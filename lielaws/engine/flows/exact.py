"""The fields expanded over Q: small identities are proved by their coefficients."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

import flint
import numpy as np

from lielaws.engine.arithmetic.polynomials import Exact, objects
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import as_fmpq


class Expansion:
    """All components of the fields as polynomials over Q in parameters, data, cotangents and gates."""

    def __init__(
        self, slopes: Sequence[Node], state: Sequence[Node], outside: Sequence[Node], gates: Collection[Leaf]
    ) -> None:
        leaves = [*state, *outside]
        sizes = [leaf.size for leaf in leaves]
        context = flint.fmpq_mpoly_ctx.get([f"z{k}" for k in range(sum(sizes))], flint.Ordering.lex)
        # The coordinates of the state come first.
        self._generators = context.gens()
        self._gates = np.flatnonzero(np.repeat([leaf.static in gates for leaf in leaves], sizes)).tolist()
        entries = iter(self._generators)
        values = {leaf.static: objects(list(islice(entries, leaf.size)), leaf.shape) for leaf in leaves}
        self._zero = context.constant(0)
        computed = Program.of(slopes).run(Exact(lambda number: context.constant(as_fmpq(number))), values)
        self._fields = [entry for value in computed for entry in np.asarray(value, dtype=object).ravel()]

    def annihilates(self, terms: Sequence[tuple[tuple[int, ...], int]]) -> bool:
        """Whether the polynomial with these terms has derivative zero along all members.

        Gates are 0 or 1, so their powers are equal.
        """
        products = (math.prod((self._generators[k] for k in monomial), start=number) for monomial, number in terms)
        law: Any = sum(products, start=self._zero)
        coordinates = {coordinate for monomial, _ in terms for coordinate in monomial}
        total = sum((law.derivative(k) * self._fields[k] for k in coordinates), start=self._zero)
        return not total or all(value == 0 for value in self._merged(total).values())

    def components(self) -> Iterator[tuple[int, list[tuple[tuple[int, ...], Any]]]]:
        """Each coordinate of the state with the terms of its component: (exponents, coefficient).

        Exponents are of the state first, then of data, cotangents and gates, with powers of gates merged.
        """
        for coordinate, polynomial in enumerate(self._fields):
            yield coordinate, list(self._merged(polynomial).items())

    def _merged(self, polynomial: Any) -> dict[tuple[int, ...], Any]:
        merged: dict[tuple[int, ...], Any] = {}
        for exponents, coefficient in polynomial.terms():
            key = [int(exponent) for exponent in exponents]
            for gate in self._gates:
                key[gate] = min(key[gate], 1)
            merged[tuple(key)] = merged.get(tuple(key), 0) + coefficient
        return merged
