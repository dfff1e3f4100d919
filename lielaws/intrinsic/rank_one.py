"""Blocks of z that are tensors of rank one: neurons u v^T and products of scalars are the simplest.

Let z = k u_1 x ... x u_L (each entry a product of one entry of each factor; a factor with one entry may have a power
a_i). The quantities |u_i|^2 / a_i differ by constants c_i along a gradient flow, say |u_i|^2 = a_i (s + c_i). So s is
the root of

    P(s) = k^2 (a_1 (s + c_1))^a_1 ... (a_L (s + c_L))^a_L = |z|^2

above all -c_i, which is unique as P grows there, and M(z) = sum over i of a_i P(s) / (s + c_i) Pi_i. Here Pi_i projects
all axes but the i-th on the direction of z. For L = 2, M(z) w = alpha z z^T w / |z|^2 + beta w z^T z / |z|^2 with
alpha = |u|^2, beta = |v|^2; for scalars it is P'(s).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.engine.laws.polynomial import Monomial
from lielaws.errors import InvalidArgumentError
from lielaws.intrinsic.metric_of_z import squares_of
from lielaws.intrinsic.phi_derivatives import Terms

_RANK_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Factor:
    """coordinates : of its entries in the state vector; name : as it is written"""

    coordinates: tuple[int, ...]
    power: int
    name: str


@dataclass(frozen=True)
class RankOne:
    """A block of rank one.

    factors : u_1, ..., u_L
    places : where each entry of the tensor stands in z
    scale : k^2
    offsets : c_i as combinations of the laws, (L, laws), the first one zero
    """

    factors: tuple[Factor, ...]
    places: npt.NDArray[np.int64]
    scale: float
    offsets: FloatArray

    def matrix(self, z: FloatArray, values: FloatArray) -> FloatArray:
        offsets = self.offsets @ values if self.offsets.size else np.zeros(len(self.factors))
        powers = [factor.power for factor in self.factors]
        square = float((z**2).sum())
        squares = squares_of(offsets, powers, square / self.scale)
        weights = [self._weight(i, squares) for i in range(len(powers))]
        projections = [self._projection(z, axis, square, weights) for axis in range(len(powers))]
        total = np.zeros((z.size, z.size))
        for i, weight in enumerate(weights):
            parts = [np.eye(z.shape[j]) if j == i else projections[j] for j in range(len(powers))]
            total += weight * _kronecker(parts)
        return total

    def _weight(self, i: int, squares: FloatArray) -> float:
        """a_i P(s) / (s + c_i), without the division."""
        total = self.scale * self.factors[i].power ** 2
        for j, (factor, square) in enumerate(zip(self.factors, squares, strict=True)):
            total *= (factor.power * square) ** (factor.power - (i == j))
        return float(total)

    def _projection(self, z: FloatArray, axis: int, square: float, weights: Sequence[float]) -> FloatArray:
        size = z.shape[axis]
        if size == 1:
            return np.eye(1)
        if square == 0.0:
            if any(weight for other, weight in enumerate(weights) if other != axis):
                remedy = "the direction of a block that is zero is not known, so M is no function of z there"
                raise InvalidArgumentError("z", "a block of zeros", remedy)
            return np.zeros((size, size))
        unfolded = np.moveaxis(z, axis, 0).reshape(size, -1)
        result = unfolded @ unfolded.T / square
        if abs(float((result**2).sum()) - 1.0) > _RANK_TOLERANCE:
            raise InvalidArgumentError("z", self.block, "this block must be of rank one; z is no value of phi")
        return np.asarray(result)

    @property
    def _scalar(self) -> bool:
        return all(len(factor.coordinates) == 1 for factor in self.factors)

    @property
    def block(self) -> str:
        names = [factor.name + (f"^{factor.power}" if factor.power > 1 else "") for factor in self.factors]
        if len(names) == 2 and not self._scalar:
            return f"{names[0]} {names[1]}^T"
        return " ".join(names) if self._scalar else " x ".join(names)

    @property
    def formula(self) -> str:
        scaled = "" if self.scale == 1 else f"{self.scale:g} "
        powers = [factor.power for factor in self.factors]
        if powers == [1]:
            return f"M(z) w = {scaled}w"
        if len(powers) == 1 and self.scale == 1:
            return f"M(z) = {powers[0] ** 2} |z|^({Fraction(2 * powers[0] - 2, powers[0])})"
        if powers == [1, 1] and self.scale == 1:
            rule = "lambda = |u|^2 - |v|^2 for z = u v^T"
            if self._scalar:
                return "M(z) = sqrt(lambda^2 + 4 z^2), lambda = u^2 - v^2 for z = u v"
            return (
                "M(z) w = alpha z z^T w / |z|^2 + beta w z^T z / |z|^2, "
                f"alpha = (lambda + sqrt(lambda^2 + 4 |z|^2)) / 2, beta = alpha - lambda, {rule}"
            )
        return (
            f"{self._general('P')} = |z|^2, s + c_i = |u_i|^2{' / a_i' if max(powers) > 1 else ''} for z = u_1 u_2 ..."
        )

    def _general(self, letter: str) -> str:
        powers = [factor.power for factor in self.factors]
        left = "" if self.scale == 1 else f"{self.scale:g} "
        terms = []
        for number, power in enumerate(powers, start=1):
            inside = "s" if number == 1 else f"(s + c_{number})"
            terms.append(inside if power == 1 else f"({power} {inside})^{power}")
        weights = (
            "P'(s)"
            if self._scalar
            else "sum over i of a_i P(s) / (s + c_i) Pi_i w, Pi_i the projection of all axes but i on z"
        )
        if not self._scalar and max(powers) == 1:
            weights = weights.replace("a_i ", "")
        head = "M(z) = " if self._scalar else "M(z) w = "
        return f"{head}{weights}, s the largest root of {letter}(s) = {left}{' '.join(terms)}"

    def latex(self) -> str:
        powers = [factor.power for factor in self.factors]
        if powers == [1, 1] and self.scale == 1:
            if self._scalar:
                return r"M(z) = \sqrt{\lambda^2 + 4 z^2}, \quad \lambda = u^2 - v^2, \quad z = u v"
            return (
                r"M(z)\, w = \alpha \frac{z z^{\top}}{\lVert z \rVert^2} w "
                r"+ \beta\, w \frac{z^{\top} z}{\lVert z \rVert^2}, \quad "
                r"\alpha = \tfrac{1}{2}\left(\lambda + \sqrt{\lambda^2 + 4 \lVert z \rVert^2}\right), \quad "
                r"\beta = \alpha - \lambda, \quad \lambda = \lVert u \rVert^2 - \lVert v \rVert^2, \quad z = u v^{\top}"
            )
        if powers == [1]:
            return r"M(z)\, w = " + ("w" if self.scale == 1 else f"{self.scale:g}\\, w")
        if len(powers) == 1 and self.scale == 1:
            return rf"M(z) = {powers[0] ** 2} \lvert z \rvert^{{{Fraction(2 * powers[0] - 2, powers[0])}}}"
        scaled = "" if self.scale == 1 else f"{self.scale:g}\\, "
        factors = r"\prod_i \left(a_i (s + c_i)\right)^{a_i}" if max(powers) > 1 else r"\prod_i (s + c_i)"
        weight = "P'(s)" if self._scalar else r"\sum_i \frac{a_i P(s)}{s + c_i} \Pi_i"
        weight = weight if max(powers) > 1 else weight.replace("a_i ", "")
        return rf"M(z) = {weight}, \quad P(s) = {scaled}{factors} = \lVert z \rVert^2, \quad a = {tuple(powers)}"


def _kronecker(parts: Sequence[FloatArray]) -> FloatArray:
    total: FloatArray = np.eye(1)
    for part in parts:
        total = np.asarray(np.kron(total, part), dtype=np.float64)
    return total


def rank_one_tensor(
    block: Sequence[tuple[int, Terms]],
) -> tuple[list[tuple[tuple[int, ...], int]], npt.NDArray[np.int64], Fraction] | None:
    """The factors (coordinates, power), the places and k of a block of functions with their places; None otherwise."""
    monomials: dict[Monomial, int] = {}
    constants = set()
    for place, terms in block:
        if len(terms) != 1:
            return None
        ((monomial, value),) = terms.items()
        monomials[monomial] = place
        constants.add(value)
    if len(constants) > 1 or len(monomials) < len(block):
        return None
    factors = _factors(list(monomials))
    if factors is None:
        return None
    entries = []
    for choice in product(*(coordinates for coordinates, _ in factors)):
        powers = zip(choice, (power for _, power in factors), strict=True)
        entries.append(tuple(sorted(coordinate for coordinate, power in powers for _ in range(power))))
    if len(entries) != len(monomials) or any(entry not in monomials for entry in entries):
        return None
    shape = [len(coordinates) for coordinates, _ in factors]
    return factors, np.array([monomials[entry] for entry in entries], dtype=np.int64).reshape(shape), constants.pop()


def _factors(monomials: Sequence[Monomial]) -> list[tuple[tuple[int, ...], int]] | None:
    """Classes of coordinates of which each monomial has exactly one, with its power; the last coordinates first."""
    together: dict[int, set[int]] = {}
    powers: dict[int, set[int]] = {}
    for monomial in monomials:
        for coordinate in set(monomial):
            together.setdefault(coordinate, set()).update(monomial)
            powers.setdefault(coordinate, set()).add(monomial.count(coordinate))
    everything = set(together)
    classes = {tuple(sorted(everything - others | {coordinate})) for coordinate, others in together.items()}
    if sum(map(len, classes)) != len(everything):
        return None
    found = []
    # The last layer first, as in u v^T; scalars as they are listed.
    for members in sorted(classes, reverse=any(len(members) > 1 for members in classes)):
        exponents = set().union(*(powers[coordinate] for coordinate in members))
        if len(exponents) > 1 or (len(members) > 1 and exponents != {1}):
            return None
        found.append((members, exponents.pop()))
    return found
