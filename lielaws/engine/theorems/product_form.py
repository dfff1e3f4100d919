"""Normal forms of networks that depend on products of matrices alone, and what theorems say of their laws.

In each form parameters come in groups. In a group some matrices, side by side, make U with r rows, and others make V
with r rows, of n and m columns, and the network depends on U and V through U^T V alone. So the matrix U U^T - V V^T is
conserved. If the gradients of the potentials span the changes of all entries of U^T V, independently for all groups,
there are no other laws: then the family has the vector fields U' = V N^T, V' = U N for all matrices N. With X = [U, V]
these are X' = X S for symmetric S with two blocks of zeros, and their brackets X' = X S for the antisymmetric S of two
blocks. Column a of X moves to column b and b to a, up to sign, for each pair of columns. At the point X = [1 0] these
rows have disjoint supports for a < b, a < r, so that the rank is r N - r (r + 1) / 2 for r <= N = n + m, and
N (N - 1) / 2 else; which is the dimension less the number of independent entries of U U^T - V V^T.

In the units of a gated linear unit r is one: |B_k|^2 - |C_k|^2 for each row of B and column of C.

What shows that the gradients span all changes, at generic parameters:

pair : f = V^T U x. With arbitrary x and cotangents that is clear.
chain : f = W_L .. W_1 x. Each W_l is V of one group and U of the next, so that more has to be shown: see `clusters`.
attention : f = sum_h softmax(X Q_h^T K_h X^T) X V_h^T O_h with two tokens or more. Let the last token, which has the
    cotangent w, be x and all others y, d = x - y, s_h = x^T M_h d, and a_h the weight of the token itself, a function
    of exp(s_h) alone with a' = a (1 - a). A relation between changes M_h' of M_h = Q_h^T K_h and N_h' of N_h = O_h^T
    V_h has the coefficients (w^T N_h d) (x^T M_h' d) of the square of that weight, and then w^T N_h' d of the weight.
    The exponentials of polynomials s_h without constant term that are linearly independent over the rationals are
    algebraically independent over the rational functions (J. Ax, On Schanuel's conjectures, 1971), and generic M_h are.
gated unit : f = C (a(A x) * (B x)) with a(u) = u sigmoid(u), sigmoid(u), tanh(u), or u Phi(u). For w = e_i a relation
    between changes has for each unit k the coefficients C_ik (A_k' x) (B_k x) of a'(A_k x), and B_k x C_ik' + C_ik B_k'
    x of a(A_k x). The functions a(A_k x) and a'(A_k x) of x are linearly independent over the rational functions, up to
    these themselves, for A_k that are linearly independent over the rationals (Ax; for Phi the squares (A_k x)^2 as
    well, and Ostrowski's theorem on integrals). So A' = 0, and (B_k', C_k') is a multiple of (B_k, -C_k).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Node
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array

_STATEMENTS = {
    "pair": "products: gradients reach all changes of the product of two matrices",
    "chain": "products: ranks add up over pairs of clusters of a few units in each layer",
    "attention": "products: gradients reach all changes of Q^T K and O^T V, as exponentials are independent (Ax 1971)",
    "gated unit": "products: an activation and its slope are independent functions of the data (Ax 1971; Ostrowski)",
}


@dataclass(frozen=True)
class Group:
    """Matrices that enter through U^T V alone.

    plus, minus : those of U and of V, each with its axis of the r rows
    rows, columns : r, and n and m
    by_unit : whether only the diagonal of U U^T - V V^T is conserved
    """

    plus: tuple[tuple[str, int], ...]
    minus: tuple[tuple[str, int], ...]
    rows: int
    columns: tuple[int, int]
    by_unit: bool = False

    @property
    def count(self) -> int:
        """Of independent laws."""
        r, n = self.rows, sum(self.columns)
        if self.by_unit:
            return r
        return r * (r + 1) // 2 if r <= n else r * n - n * (n - 1) // 2

    @property
    def fields(self) -> int:
        """The rank of the fields U' = V N^T, V' = U N at generic points."""
        r, (n, m) = self.rows, self.columns
        return (n + m - 1) * r if self.by_unit else n * m - max(0, n - r) * max(0, m - r)


@dataclass(frozen=True)
class ProductForm:
    """A normal form, with the tensors that play its parts.

    kind : "pair", "chain", "attention" or "gated unit"
    parts : the names of the tensors of each part, such as Q, one for each head, or W, one for each layer
    option : "causal" or "" for attention, the activation of a gated unit
    clusters : of a chain, the profiles and their numbers by which a rank was shown
    missing : what is missing from that rank, so that there may be so many more laws
    """

    kind: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    option: str = ""
    clusters: tuple[tuple[tuple[int, ...], int], ...] = ()
    missing: int = 0

    @cached_property
    def named(self) -> dict[str, tuple[str, ...]]:
        return dict(self.parts)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        named = self.named
        if self.kind == "chain":
            return tuple(self._group([(before, 0)], [(after, 1)]) for before, after in pairwise(named["W"]))
        if self.kind == "pair":
            return (self._group([(named["U"][0], 0)], [(named["V"][0], 1)]),)
        if self.kind == "gated unit":
            return (self._group([(named["B"][0], 0)], [(named["C"][0], 1)], by_unit=True),)
        found = []
        for many, one in (("Q", "K"), ("O", "V")):
            for number, name in enumerate(named[one]):
                others = [(o, 0) for head, o in enumerate(named[many]) if self.key_of(head) == number]
                found.append(self._group(others, [(name, 0)]))
        return tuple(found)

    def _group(self, first: list[tuple[str, int]], second: list[tuple[str, int]], *, by_unit: bool = False) -> Group:
        """The first tensor of the network comes with a plus."""
        shapes, order = dict(self.shapes), [name for name, _ in self.shapes]
        sides = sorted((first, second), key=lambda side: min(order.index(name) for name, _ in side))
        width = [sum(shapes[name][1 - axis] for name, axis in side) for side in sides]
        name, axis = first[0]
        return Group(tuple(sides[0]), tuple(sides[1]), shapes[name][axis], (width[0], width[1]), by_unit)

    def key_of(self, head: int) -> int:
        """The key and value head that a query head uses."""
        heads, groups = len(self.named["Q"]), len(self.named["K"])
        return ((head + 1) * groups - 1) // heads

    @property
    def statement(self) -> str:
        return _STATEMENTS[self.kind]

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def free(self) -> int:
        """The parameters that are in no law, as those inside an activation."""
        inside = {name for group in self.groups for name, _ in (*group.plus, *group.minus)}
        sizes = {name: _size(shape) for name, shape in self.shapes}
        return sum(size for name, size in sizes.items() if name not in inside)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of a chain, from the input to the output."""
        shapes = dict(self.shapes)
        return (shapes[self.named["W"][0]][1], *(shapes[name][0] for name in self.named["W"]))

    @property
    def ranks(self) -> tuple[int, ...]:
        """Of the vector fields, and of all brackets, which are reached at depth two but in chains."""
        dimension = sum(_size(shape) for _, shape in self.shapes)
        first, last = self.free + sum(group.fields for group in self.groups), dimension - self.count - self.missing
        if self.kind == "chain":
            # The product map has the rank of the matrices of its smallest width.
            least = min(self.widths)
            first = least * (self.widths[0] + self.widths[-1] - least)
        return (first, last) if first == last else (first, last, last)

    def reference(self, traced: Traced) -> Node:
        """The network in this form."""
        ops = Operations(traced.graph)
        p = {name: Array(leaf) for name, leaf in traced.parameters.items()}
        (x,) = (Array(leaf) for leaf in traced.data.values())
        named = self.named
        if self.kind == "chain":
            for name in named["W"]:
                x = p[name] @ x
            return x.node
        if self.kind == "pair":
            return (p[named["V"][0]] @ (p[named["U"][0]] @ x)).node
        if self.kind == "gated unit":
            act: Any = getattr(ops, self.option)
            gated: Array = act(p[named["A"][0]] @ x) * (p[named["B"][0]] @ x)
            return (p[named["C"][0]] @ gated).node
        total: Any = 0
        for head, (q, o) in enumerate(zip(named["Q"], named["O"], strict=True)):
            key, value = p[named["K"][self.key_of(head)]], p[named["V"][self.key_of(head)]]
            logits, values = (x @ p[q].T) @ (x @ key.T).T, x @ value.T
            total = total + self._mixed(logits, values, ops) @ p[o]
        return ops.array(total).node

    def _mixed(self, logits: Array, values: Array, ops: Operations) -> Array:
        if not self.option:
            return ops.softmax(logits) @ values
        rows = [values[0]]
        rows += [ops.softmax(logits[m, : m + 1]) @ values[: m + 1] for m in range(1, logits.shape[0])]
        return ops.stack(rows)


def _size(shape: tuple[int, ...]) -> int:
    rows, columns = shape
    return rows * columns
