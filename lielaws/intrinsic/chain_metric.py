"""The metric of (relaxed) balanced linear networks.

For W = U_L ... U_1 with U_{l+1}^T U_{l+1} = U_l U_l^T + d_l I the matrices have common singular vectors. The squares of
the i-th singular values are s_i + c_l with c_{l+1} = c_l + d_l. So s_i is the root of (s + c_1) ... (s + c_L) =
sigma_i(W)^2 above all -c_l, and

    M(W) w = sum over l of A_l w B_l,   A_l = (U_L ... U_{l+1}) (U_L ... U_{l+1})^T,   B_l = (U_{l-1} ... U_1)^T (...)

has A_l = sum of (s_i + c_{l+1}) ... (s_i + c_L) x_i x_i^T over the left singular vectors, and B_l likewise. Balanced,
with all d_l = 0, this is the sum of (W W^T)^((L-l)/L) w (W^T W)^((l-1)/L) (arXiv 1802.06509, Thm 1), for L = 2 it is
(W W^T)^(1/2) w + w (W^T W)^(1/2). Relaxed balanced: arXiv 2508.07370.

Where a layer is wider than the whole chain is somewhere, directions that W does not see have singular values too, fixed
by the d_l. M is a function of W only if they are equal for all unseen inputs, and for all unseen outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError
from lielaws.intrinsic.chains import Chain, Strand, strands
from lielaws.intrinsic.metric_of_z import squares_of

_EQUAL = 1e-9


@dataclass(frozen=True)
class ChainPart:
    """A chain whose metric is closed.

    chain : with its steps d_l
    places : where each entry of W stands in z, (outputs, inputs)
    outputs, inputs : squares of the singular values of U_1, ..., U_L in directions that W does not see, if any
    """

    chain: Chain
    places: npt.NDArray[np.int64]
    outputs: tuple[float, ...] | None
    inputs: tuple[float, ...] | None

    @property
    def offsets(self) -> FloatArray:
        """c_1, ..., c_L"""
        return np.cumsum([0.0, *map(float, self.chain.steps)])

    def matrix(self, z: FloatArray, values: FloatArray) -> FloatArray:
        from scipy.linalg import svd

        left, singular, right = svd(z, full_matrices=False)
        rank = min(self.chain.widths)
        if rank < len(singular) and singular[rank] > _EQUAL**0.5 * max(1.0, singular[0]):
            raise InvalidArgumentError("z", "a matrix", f"it must have rank {rank} at most; z is no value of phi")
        squares = np.array([squares_of(self.offsets, [1] * self.chain.length, s**2) for s in singular[:rank]])
        dark = singular[:rank] <= _EQUAL * max(1.0, singular[0])
        total = np.zeros((z.size, z.size))
        for layer in range(self.chain.length):
            after, before = slice(layer + 1, None), slice(None, layer)
            one = self._functional(left[:, :rank], squares, dark, self.outputs, after)
            total += np.kron(one, self._functional(right[:rank].T, squares, dark, self.inputs, before))
        return total

    @staticmethod
    def _functional(
        vectors: FloatArray,
        squares: FloatArray,
        dark: npt.NDArray[np.bool_],
        unseen: tuple[float, ...] | None,
        layers: slice,
    ) -> FloatArray:
        """The sum of the products of squares over singular vectors, and over unseen directions.

        dark : which singular values of W are zero, so that their vectors cannot be told from unseen directions
        """
        known = squares[:, layers].prod(axis=1)
        result = (vectors * known) @ vectors.T
        if unseen is None:
            return np.asarray(result)
        rest = prod(unseen[layers])
        if (np.abs(known - rest)[dark] > _EQUAL).any():
            remedy = "of so low a rank it does not determine its hidden directions, and M is no function of z there"
            raise InvalidArgumentError("z", "a matrix", remedy)
        return np.asarray(result + rest * (np.eye(len(vectors)) - vectors @ vectors.T))

    @property
    def block(self) -> str:
        names = [name + ("^T" if transposed else "") for name, transposed in self.chain.tensors]
        return " ".join(reversed(names))

    @property
    def formula(self) -> str:
        length, steps = self.chain.length, self.chain.steps
        if not any(steps):
            if length == 2:
                return "M(z) w = (z z^T)^(1/2) w + w (z^T z)^(1/2)"
            return f"M(z) w = sum over l = 1..{length} of (z z^T)^(({length}-l)/{length}) w (z^T z)^((l-1)/{length})"
        factors = " ".join("s" if c == 0 else f"(s {'+' if c > 0 else '-'} {abs(c)})" for c in self._exact_offsets())
        return (
            f"M(z) w = sum over l = 1..{length} of A_l w B_l, A_l = product over m > l, B_l = product over m < l of "
            f"(S + c_m), S the matrices with the singular vectors of z and s = the largest root of {factors} = sigma^2"
        )

    def _exact_offsets(self) -> list[Fraction]:
        offsets = [Fraction(0)]
        for step in self.chain.steps:
            offsets.append(offsets[-1] + step)
        return offsets

    def latex(self) -> str:
        length = self.chain.length
        if not any(self.chain.steps):
            if length == 2:
                return r"M(z)\, w = (z z^{\top})^{1/2} w + w (z^{\top} z)^{1/2}"
            return (
                rf"M(z)\, w = \sum_{{l=1}}^{{{length}}} (z z^{{\top}})^{{({length}-l)/{length}}}\, w\, "
                rf"(z^{{\top}} z)^{{(l-1)/{length}}}"
            )
        offsets = ", ".join(map(str, self._exact_offsets()))
        return (
            rf"M(z)\, w = \sum_{{l=1}}^{{{length}}} \prod_{{m>l}} (S_x + c_m)\, w \prod_{{m<l}} (S_y + c_m), \quad "
            rf"\prod_m (s_i + c_m) = \sigma_i(z)^2, \quad c = ({offsets})"
        )


def chain_part(chain: Chain, places: npt.NDArray[np.int64]) -> ChainPart | None:
    """None if no such chain exists, or if W does not determine M."""
    found = strands(chain)
    if found is None:
        return None
    sides = [_unseen(chain, found, side) for side in (chain.length, 0)]
    if any(len(set(side)) > 1 for side in sides):
        return None
    outputs, inputs = (side[0] if side else None for side in sides)
    return ChainPart(chain, places, outputs, inputs)


def _unseen(chain: Chain, found: Sequence[Strand], layer: int) -> list[tuple[float, ...]]:
    """The squares of all L singular values, for each direction of the first or last layer that the chain does not
    carry to the other end. What lies beyond the end of the strand is zero."""
    squares = []
    for strand in found:
        inside = strand.first <= layer <= strand.first + len(strand.squares)
        if inside and not strand.free:
            row = [0.0] * chain.length
            row[strand.first : strand.first + len(strand.squares)] = map(float, strand.squares)
            squares.append(tuple(row))
    return squares
