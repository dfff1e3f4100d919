"""Tensors whose entries are made late behave like arrays of their entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.spec.symbolic import Budget, SymbolicArray, Tensor

SHAPE = (3, 2, 4)
items = st.one_of(st.integers(-5, 5), st.slices(4), st.just(...), st.none())
keys = st.one_of(items, st.lists(items, max_size=4).map(tuple))


def tensor(shape: tuple[int, ...], budget: Budget | None = None) -> SymbolicArray:
    return Tensor.whole("W", shape, budget or Budget())


def entries(shape: tuple[int, ...]) -> Any:
    base, array = sympy.IndexedBase("W"), np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        array[place] = base[place]
    return array


@given(st.lists(st.one_of(keys, st.just("T")), min_size=1, max_size=3))
def test_indices_and_transposes_are_those_of_numpy(steps: list[Any]) -> None:
    late, made = tensor(SHAPE), entries(SHAPE)
    for step in steps:
        if not isinstance(made, np.ndarray):
            break
        try:
            made = made.T if step == "T" else made[step]
        except IndexError:
            with pytest.raises(InvalidArgumentError, match="does not fit shape"):
                late[step]
            return
        late = late.T if step == "T" else late[step]
    assert late.shape == np.shape(made)
    assert np.array_equal(late.entries, made)


def test_a_few_entries_of_a_huge_tensor_cost_nothing() -> None:
    huge = tensor((10**6, 10**6, 10**6), Budget(10))
    assert isinstance(huge, Tensor)
    assert huge[3, -1, 7:9].shape == (2,)
    assert huge.T[7][0, 3].entries[()] == sympy.IndexedBase("W")[3, 0, 7]
    with pytest.raises(SizeError, match="select entries by an index"):
        huge + 1
    with pytest.raises(InvalidArgumentError, match="does not fit shape"):
        huge[10**6]


def test_a_scalar_is_a_symbol() -> None:
    assert tensor(()).entries[()] == sympy.Symbol("W")
    with pytest.raises(InvalidArgumentError, match=r"does not fit shape \(\)"):
        tensor(())[0]
