"""Contractions as stacks of matrix products, against einsum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws.engine.graph.contraction import plan_contraction

SIZES = {"i": 2, "j": 3, "k": 4, "l": 1}
SUBSCRIPTS = [
    "ij,jk->ik",
    "ij,jk->ki",
    "i,i->",
    "i,j->ij",
    "i,j->ji",
    "ij,ij->ij",
    "ij,ij->i",
    "kij,kj->ki",
    "ijk,kj->i",
    ",->",
]


def _operands(subscripts, seed=0, lead=()):
    rng = np.random.default_rng(seed)
    left, right = subscripts.split("->")[0].split(",")
    return [rng.integers(-9, 10, (*lead, *(SIZES[index] for index in part))) for part in (left, right)]


def _einsum(subscripts, left, right):
    inputs, output = subscripts.split("->")
    one, other = inputs.split(",")
    return np.einsum(f"...{one},...{other}->...{output}", left, right)


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
def test_contractions(subscripts, lead):
    left, right = _operands(subscripts, lead=lead)
    shapes = (left.shape[len(lead) :], right.shape[len(lead) :])
    plan = plan_contraction(subscripts, *shapes)
    found = plan.apply(left, right, len(lead), np.multiply, np.matmul)
    assert (found == _einsum(subscripts, left, right)).all()
    assert found.shape == (*lead, *plan.shape)


@given(data=st.data())
def test_random_subscripts(data):
    indices = st.permutations("ijkl").flatmap(lambda some: st.integers(0, 4).map(lambda n: some[:n]))
    left, right = data.draw(indices), data.draw(indices)
    both = [index for index in left if index in right]
    summed = data.draw(st.sets(st.sampled_from(both))) if both else set()
    output = data.draw(st.permutations([index for index in dict.fromkeys([*left, *right]) if index not in summed]))
    subscripts = f"{''.join(left)},{''.join(right)}->{''.join(output)}"
    a, b = _operands(subscripts)
    found = plan_contraction(subscripts, a.shape, b.shape).apply(a, b, 0, np.multiply, np.matmul)
    assert (found == _einsum(subscripts, a, b)).all()


def test_entries_that_meet_their_like():
    assert plan_contraction("ij,ij->ij", (2, 3), (2, 3)).pairs_alike
    assert plan_contraction("ij,ij->", (2, 3), (2, 3)).pairs_alike
    assert not plan_contraction("i,j->ij", (2,), (2,)).pairs_alike
    assert not plan_contraction("ij,kj->ik", (2, 3), (2, 3)).pairs_alike
