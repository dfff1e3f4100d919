"""What is printed is true: a matrix identity is claimed only if all of its entries are laws."""

from __future__ import annotations

from lielaws import architecture, check_laws, discover_laws, linear


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
