"""What is printed is true: a matrix identity is claimed only if all of its entries are laws."""

from __future__ import annotations

from lielaws import architecture, check_laws, discover_laws, linear
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.presentation import group_laws


def _region(p, x, s, ops):
    """The region + + - of relu:1-3-1: units 0 and 1 see x > 0, unit 2 sees x < 0; s selects the sign of x."""
    first = p.W2[:, :2] @ (p.W1[:2] @ x)
    return ops.concatenate([first * s, p.W2[:, 2:] @ (p.W1[2:] @ x)])


def test_block_diagonal_laws_are_no_matrix_identity():
    arch = architecture(_region, {"W1": (3, 1), "W2": (1, 3)}, {"x": (1,), "s": ()})
    report = discover_laws(arch)
    assert report.n_laws == 4
    assert report.complete
    assert not check_laws(arch, ["W1 @ W1.T - W2.T @ W2"]).all_hold
    text = str(report)
    assert "symmetric 3 x 3" not in text
    for law in report.laws:
        assert check_laws(arch, [law]).all_hold


def test_dependent_entries_still_make_a_matrix_identity():
    (group,) = discover_laws(linear([1, 3, 1])).groups
    assert (group.text, group.scope) == ("W1 W1^T - W2^T W2", "symmetric 3 x 3, 5 independent of its 6 entries")


SPACE = StateSpace({"A": (3, 2), "B": (2, 3), "C": (2, 2)})


def _grouped(*terms):
    return group_laws([Law(Polynomial.of(each).primitive(), SPACE) for each in terms])


def _product(left, right, sign=1):
    return {tuple(sorted(pair)): sign for pair in zip(left.tolist(), right.tolist(), strict=True)}


A, B, C = (SPACE.indices(name) for name in "ABC")


def test_entries_of_a_product_are_no_symmetric_matrix():
    (group,) = _grouped(*(_product(A[i], B[:, j]) for i in range(3) for j in range(i, 3)))
    assert group.text == "<A[i,:], B[:,j]>"
    assert group.scope == "for (i,j) = (0,0) (0,1) (0,2) (1,1) (1,2) (2,2)"


def test_matrices_of_different_sizes_are_not_added():
    laws = [_product(A[i], A[j]) | _product(C[i], C[j], -1) for i, j in ((0, 0), (0, 1), (1, 1))]
    (group,) = _grouped(*laws)
    assert (group.text, group.symmetry) == ("<A[i,:], A[j,:]> - <C[i,:], C[j,:]>", "")


def test_indices_of_an_antisymmetric_identity_are_told_apart():
    laws = [_product(A[i], B[:, j]) | _product(A[j], B[:, i], -1) for i, j in ((0, 1), (0, 2))]
    (group,) = _grouped(*laws)
    assert str(group) == "<A[i,:], B[:,j]> - <A[j,:], B[:,i]>   for (i,j) = (0,1) (0,2)"
    (whole,) = _grouped(*laws, _product(A[1], B[:, 2]) | _product(A[2], B[:, 1], -1))
    assert str(whole) == "A B - B^T A^T   antisymmetric 3 x 3, 3 independent entries"
