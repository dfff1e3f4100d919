"""Functions phi in every form that sympy has for several expressions."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

from lielaws import discover_laws, from_phi

u, v = sympy.symbols("u v")


@pytest.mark.parametrize(
    "expressions",
    [[u * v, u], (u * v, u), sympy.Matrix([u * v, u]), sympy.ImmutableMatrix([[u * v, u]]), sympy.Array([u * v, u])],
    ids=lambda value: type(value).__name__,
)
def test_sequences_matrices_and_arrays(expressions: Any) -> None:
    made = from_phi([u, v], expressions)
    assert made.reparameterization().phi == [u * v, u]
    assert discover_laws(made, find_laws=False).n_laws == 0
