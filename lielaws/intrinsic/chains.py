"""Points of linear chains U_1, ..., U_L with U_{l+1}^T U_{l+1} = U_l U_l^T + d_l I, modulo a prime.

With all d_l = 0 they are the balanced initializations of arXiv 1802.06509, else the relaxed balanced ones of arXiv
2508.07370. The matrices have common singular vectors: U_l = O_l S_l O_{l-1}^T with O_l orthogonal and S_l diagonal. So
the i-th singular values are joined into strands, one for each run of layers that are at least i wide: inside a run
their squares differ by d_l, and at its inner ends they are zero. Orthogonal matrices are Cayley transforms of rational
skew ones, and singular values are square roots of rational numbers that are positive, so that each point is the
residue of a real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.linalg import modular
from lielaws.intrinsic.levels import GramLaw, Level

_MOST_DRAWS = 4000
_LARGEST_SQUARE = 2**40


@dataclass(frozen=True)
class Chain:
    """Matrices in the order in which they are multiplied, the first applied first.

    tensors : name, and whether its transpose is the matrix
    widths : of the layers, L + 1 numbers
    steps : d_1, ..., d_{L-1}
    """

    tensors: tuple[tuple[str, bool], ...]
    widths: tuple[int, ...]
    steps: tuple[Fraction, ...]

    @property
    def length(self) -> int:
        return len(self.tensors)


@dataclass(frozen=True, slots=True)
class Strand:
    """The singular values with one index along the layers first..last, the widths between which are large enough.

    squares : by matrix, as differences from the free value, or as they are if there is none
    """

    index: int
    first: int
    squares: tuple[Fraction, ...]
    free: bool


def strands(chain: Chain) -> list[Strand] | None:
    """None if no real singular values of this form exist."""
    found = []
    for index in range(max(chain.widths)):
        for first, last in _runs([width > index for width in chain.widths]):
            strand = _strand(chain, index, first, last)
            if strand is None:
                return None
            found.append(strand)
    return found


def _runs(wide: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for layer, enough in enumerate([*wide, False]):
        if enough and start is None:
            start = layer
        if not enough and start is not None:
            yield start, layer - 1
            start = None


def _strand(chain: Chain, index: int, first: int, last: int) -> Strand | None:
    """Matrix l joins the layers l - 1 and l; a singular value before or after a run that ends inside is zero."""
    bounded_left, bounded_right = first > 0, last < chain.length
    inner = [chain.steps[layer - 1] for layer in range(first + 1, last)]
    squares = [Fraction(0)]
    for step in inner:
        squares.append(squares[-1] + step)
    if first == last:
        # One layer alone: both neighbours are zero, or there is only one.
        consistent = not (bounded_left and bounded_right) or chain.steps[first - 1] == 0
        return Strand(index, first, (), False) if consistent else None
    if not bounded_left and not bounded_right:
        return Strand(index, first, tuple(squares), True)
    start = chain.steps[first - 1] if bounded_left else -chain.steps[last - 1] - squares[-1]
    fixed = tuple(square + start for square in squares)
    ends = not (bounded_left and bounded_right) or fixed[-1] + chain.steps[last - 1] == 0
    return Strand(index, first, fixed, False) if ends and min(fixed) >= 0 else None


def sample(chain: Chain, found: Sequence[Strand], p: int, rng: np.random.Generator) -> dict[str, IntArray]:
    """A random point, name -> array in the shape of the tensor. Raises BadPrimeError if a root does not exist."""
    diagonals = [
        np.zeros((out, into), dtype=np.int64) for into, out in zip(chain.widths[:-1], chain.widths[1:], strict=True)
    ]
    for strand in found:
        roots = _free_roots(strand, p, rng) if strand.free else _roots(strand.squares, p)
        if roots is None:
            raise BadPrimeError(f"a singular value has no residue modulo {p}")
        for layer, root in enumerate(roots, start=strand.first):
            sign = 1 - 2 * int(rng.integers(2))
            diagonals[layer][strand.index, strand.index] = sign * root % p
    turns = [_orthogonal(width, p, rng) for width in chain.widths]
    point = {}
    for layer, (name, transposed) in enumerate(chain.tensors):
        matrix = modular.matmul(modular.matmul(turns[layer + 1], diagonals[layer], p), turns[layer].T.copy(), p)
        point[name] = matrix.T.copy() if transposed else matrix
    return point


def random_chain(chain: Chain, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float64]]:
    """A random real point in floats, name -> array. The chain must have strands."""
    from scipy.linalg import qr

    diagonals = [np.zeros((out, into)) for into, out in zip(chain.widths[:-1], chain.widths[1:], strict=True)]
    for strand in strands(chain) or []:
        lowest = max(0.0, -float(min(strand.squares, default=Fraction(0))))
        free = lowest + rng.exponential() if strand.free else 0.0
        for layer, square in enumerate(strand.squares, start=strand.first):
            diagonals[layer][strand.index, strand.index] = np.sqrt(float(square) + free)
    turns = [qr(rng.normal(size=(width, width)))[0] for width in chain.widths]
    point = {}
    for layer, (name, transposed) in enumerate(chain.tensors):
        matrix = turns[layer + 1] @ diagonals[layer] @ turns[layer].T
        point[name] = matrix.T if transposed else matrix
    return point


def _free_roots(strand: Strand, p: int, rng: np.random.Generator) -> list[int] | None:
    differences = set(strand.squares)
    if len(differences) == 1:
        return [int(rng.integers(1, p))] * len(strand.squares)
    lowest = int(-min(differences)) + 1
    for _ in range(_MOST_DRAWS):
        free = lowest + int(rng.integers(1, _LARGEST_SQUARE))
        roots = _roots([square + free for square in strand.squares], p)
        if roots is not None:
            return roots
    return None


def _roots(squares: Sequence[Fraction], p: int) -> list[int] | None:
    """Square roots modulo p = 3 modulo 4; None if one does not exist."""
    roots = []
    for square in squares:
        if square.denominator % p == 0:
            return None
        residue = square.numerator * pow(square.denominator, -1, p) % p
        root = pow(residue, (p + 1) // 4, p)
        if root * root % p != residue:
            return None
        roots.append(root)
    return roots


def _orthogonal(size: int, p: int, rng: np.random.Generator) -> IntArray:
    """(I - K)(I + K)^-1 for a random skew K."""
    skew = np.triu(modular.residues(rng, p, (size, size)), 1)
    skew = (skew - skew.T) % p
    identity = np.eye(size, dtype=np.int64)
    try:
        inverse = flint.nmod_mat(((identity + skew) % p).tolist(), p).inv()
    except ZeroDivisionError:
        raise BadPrimeError(f"a Cayley transform does not exist modulo {p}") from None
    entries = np.array([int(entry) for entry in inverse.entries()], dtype=np.int64).reshape(size, size)
    return modular.matmul((identity - skew) % p, entries, p)


def chains_of(grams: Sequence[GramLaw], level: Level, space: StateSpace) -> list[Chain] | None:
    """The chains that laws of the form U_l U_l^T - U_{l+1}^T U_{l+1} = multiple of I join; None if it is not so."""
    links = [link for gram in grams for link in _links(gram, level)]
    ends = {}
    for one, other, value in links:
        if one in ends or other in ends:
            return None
        ends[one], ends[other] = (other, -value), (one, value)
    remaining = {tensor for tensor, _ in ends}
    found = []
    while remaining:
        start = next(((t, a) for t in sorted(remaining) for a in (0, 1) if (t, a) not in ends), None)
        if start is None:
            return None
        found.append(_follow(start, ends, space.shapes))
        remaining -= {name for name, _ in found[-1].tensors}
    return found


_End = tuple[str, int]


def _follow(start: _End, ends: Mapping[_End, tuple[_End, Fraction]], shapes: Mapping[str, tuple[int, ...]]) -> Chain:
    """From a tensor with a free axis along the links. The Gram matrix across a link grows by the step."""
    tensors: list[tuple[str, bool]] = []
    steps: list[Fraction] = []
    widths = [shapes[start[0]][start[1]]]
    name, axis = start
    while True:
        # A matrix maps its axis 1 to its axis 0.
        tensors.append((name, axis == 0))
        widths.append(shapes[name][1 - axis])
        if (name, 1 - axis) not in ends:
            return Chain(tuple(tensors), tuple(widths), tuple(steps))
        (name, axis), step = ends[(name, 1 - axis)]
        steps.append(step)


def _links(gram: GramLaw, level: Level) -> Iterator[tuple[_End, _End, Fraction]]:
    """Pairs of axes with the difference of their Gram matrices, if it is a multiple of the identity."""
    sides = [(atom.coefficient, atom.factors[0]) for atom in gram.template.atoms]
    if sorted(c for c, _ in sides) != [-1, 1] or any(side.ndim != 2 for _, side in sides):
        return
    values = {pair: level.values.get(gram.entry(*pair)) for pair in gram.pairs}
    scale = values[(0, 0)]
    if scale is None or any(value != (scale if i == j else 0) for (i, j), value in values.items()):
        return
    (_, second), (_, first) = sorted(sides, key=lambda pair: pair[0])
    yield (first.tensor, first.axes[0]), (second.tensor, second.axes[0]), scale
