"""The public function: answers, texts, and what callers get wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import lielaws
from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError, UnsupportedError
from lielaws.intrinsic import intrinsic_dynamics

X, Y, Z = sp.symbols("x y z")
EYE = np.eye(2, dtype=int)


@pytest.mark.parametrize(
    ("arch", "recoverable", "intrinsic"),
    [
        ("relu:2-2-2", True, True),
        ("relu:2-3-2", True, True),
        ("relu:1-1-1", True, True),
        ("relu:2-2-2-2", True, True),
        ("relu+bias+output_bias:2-3-2", True, True),
        ("leaky_relu:2-2-2", True, True),
        ("linear:2-2-2", False, False),
        ("linear:2-2-1", False, False),
        ("linear:1-2-1", True, True),
        ("linear:2-1-2", True, True),
        ("linear:2-1-2-1", True, True),
        ("linear:2-2-2-2", False, False),
        (lielaws.low_rank(3, 3, 2), False, False),
        (lielaws.low_rank(3, 3, 1), True, True),
        (lielaws.tied_autoencoder(3, 2, "linear"), False, True),
        (lielaws.conv([1, 1, 1], 2, 4, activation="linear"), True, True),
        (lielaws.conv([1, 2, 1], 2, 4, activation="linear"), False, False),
        (lielaws.attention(2, 2, tokens=2, softmax=False), False, False),
        (lielaws.glu(2, 2, "linear"), False, False),
        (lielaws.mlp([2, 2, 2], "relu2"), True, True),
        (lielaws.sequential(lielaws.linear([2, 2, 2]), lielaws.mlp([2, 2, 2])), False, False),
        (([X, Y], [X / Y]), True, True),
        (([X, Y, Z], [X * Y, Y * Z]), True, True),
        (([X, Y, Z], [X, X * Y + X**2 * Z]), False, False),
    ],
    ids=str,
)
def test_answers_at_generic_points(arch: Any, recoverable: bool, intrinsic: bool) -> None:
    found = intrinsic_dynamics(arch)
    assert (found.recoverable, found.intrinsic) == (recoverable, intrinsic)
    assert found.error_log2 < -100
    assert found.ranks.joint == found.ranks.phi + found.n_laws
    assert found.recoverable <= found.intrinsic


def test_laws_without_a_closed_form_count_at_generic_points() -> None:
    """A scalar function has D - 1 laws, and theta moves along one curve; of 1-2-2-1, one law is no polynomial."""
    found = intrinsic_dynamics("linear:1-2-2-1")
    assert not found.complete
    assert found.recoverable
    assert any("not known in closed form" in note for note in found.notes)
    at = intrinsic_dynamics("linear:1-2-2-1", at={"W1": [[1], [2]], "W2": [[1, 2], [3, 5]], "W3": [[1, 4]]})
    assert at.recoverable


def test_a_point_where_phi_is_special() -> None:
    """With W2 = 0, z = 0 whatever W1 is, and training leads in a direction that depends on W1."""
    found = intrinsic_dynamics("relu:2-2-2", at={"W1": EYE, "W2": 0 * EYE})
    assert (found.recoverable, found.intrinsic) == (False, False)
    assert found.nearby is not None
    assert found.nearby.intrinsic
    assert found.certain


def test_a_point_where_the_criterion_holds_by_accident() -> None:
    """d/dy of d phi/dx vanishes at x = 1 only, so the criterion holds there, and x changes in training."""
    arch = ([X, Y, Z], [X, X * Y + (X + (X - 1) ** 2) * Z])
    found = intrinsic_dynamics(arch, at={"x": 1, "y": 2, "z": 3})
    assert found.ranks.intrinsic
    assert found.nearby is not None
    assert not found.nearby.intrinsic
    assert not found.intrinsic
    assert "not where training leads" in str(found)


def test_zero_stays_zero() -> None:
    found = intrinsic_dynamics("linear:2-2-2", at={"W1": 0 * EYE, "W2": 0 * EYE})
    assert (found.recoverable, found.intrinsic) == (False, True)
    assert any("singular" in note for note in found.notes)


def test_balanced_points() -> None:
    found = intrinsic_dynamics("linear:2-2-2", at={"W1": [[1, 2], [3, 4]], "W2": [[1, 3], [2, 4]]})
    assert (found.recoverable, found.intrinsic) == (False, True)
    assert found.error_log2 < -100
    off = intrinsic_dynamics("linear:2-2-2", at={"W1": [[1, 2], [3, 4]], "W2": [[1, 3], [2, 5]]})
    assert (off.recoverable, off.intrinsic) == (False, False)


def test_floats_are_read_as_they_print() -> None:
    at = {"W1": [[0.1, 0.2], [0.3, 0.4]], "W2": [[0.1, 0.3], [0.2, 0.4]]}
    assert intrinsic_dynamics("linear:2-2-2", at=at).intrinsic
    at["W2"][0][0] += 1e-12
    nearly = intrinsic_dynamics("linear:2-2-2", at=at)
    assert not nearly.intrinsic
    assert any("nearly" in note for note in nearly.notes)


def test_texts() -> None:
    found = intrinsic_dynamics("relu:2-2-2")
    text = str(found)
    assert "recoverable  yes" in text
    assert "[dphi; dh] 8" in text
    assert "certain" in text
    assert "Metric" in text
    assert "<table>" in found._repr_html_()
    assert repr(found) == "IntrinsicDynamics('relu:2-2-2', 'a generic point', recoverable=True, intrinsic=True)"
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["ranks"] == {"dphi": 6, "dh": 2, "dphi_dh": 8, "dphi_dh_dM": 8, "parameters": 8}
    assert plain["certain"] is True
    unproved = json.loads(json.dumps(intrinsic_dynamics("linear:3-2-3").to_dict()))
    assert unproved["error_log2"] < -100


def test_the_same_seed_gives_the_same_answer() -> None:
    for settings in ({}, {"law_values": 0}, {"law_values": [1, 2, 3]}, {"at": {"W1": EYE, "W2": EYE}}):
        one, other = (intrinsic_dynamics("linear:2-2-2", seed=7, **settings) for _ in range(2))
        assert one.to_dict() == other.to_dict()


@given(seed=st.integers(0, 10**6), name=st.sampled_from(["relu:2-2-2", "linear:2-2-2", "linear:1-2-1"]))
def test_the_seed_does_not_change_the_answer(seed: int, name: str) -> None:
    one, other = intrinsic_dynamics(name, seed=seed), intrinsic_dynamics(name)
    assert one.ranks == other.ranks


@given(order=st.permutations(["A", "B", "C"]), data=st.data())
def test_names_and_order_of_tensors_do_not_matter(order: list[str], data: st.DataObject) -> None:
    """B2 relu(B1 x) + B3 x written with permuted names, at a point with permuted names."""
    shapes = {order[0]: (2, 2), order[1]: (1, 2), order[2]: (1, 2)}

    def net(p: Any, x: Any, ops: Any) -> Any:
        return p[order[1]] @ ops.relu(p[order[0]] @ x) + p[order[2]] @ x

    arch = lielaws.architecture(net, {name: shapes[name] for name in sorted(shapes)}, {"x": (2,)})
    numbers = data.draw(st.lists(st.integers(-2, 2), min_size=8, max_size=8))
    at = {order[0]: np.reshape(numbers[:4], (2, 2)), order[1]: [numbers[4:6]], order[2]: [numbers[6:]]}

    def reference(p: Any, x: Any, ops: Any) -> Any:
        return p.V @ ops.relu(p.U @ x) + p.S @ x

    plain = lielaws.architecture(reference, {"U": (2, 2), "V": (1, 2), "S": (1, 2)}, {"x": (2,)})
    expected_at = {"U": at[order[0]], "V": at[order[1]], "S": at[order[2]]}
    assert intrinsic_dynamics(arch).ranks == intrinsic_dynamics(plain).ranks
    found, expected = intrinsic_dynamics(arch, at=at), intrinsic_dynamics(plain, at=expected_at)
    assert found.ranks == expected.ranks
    assert found.intrinsic == expected.intrinsic


@given(data=st.data())
def test_permuting_neurons_does_not_matter(data: st.DataObject) -> None:
    entries = data.draw(st.lists(st.integers(-2, 2), min_size=12, max_size=12))
    w1, w2 = np.reshape(entries[:6], (3, 2)), np.reshape(entries[6:], (2, 3))
    turn = data.draw(st.permutations(range(3)))
    one = intrinsic_dynamics("relu:2-3-2", at={"W1": w1, "W2": w2})
    other = intrinsic_dynamics("relu:2-3-2", at={"W1": w1[list(turn)], "W2": w2[:, list(turn)]})
    assert one.ranks == other.ranks
    assert one.nearby == other.nearby


@pytest.mark.parametrize(
    ("arch", "settings", "error", "words"),
    [
        ("gelu:2-2-2", {}, UnsupportedError, "no finite reparameterization"),
        (lielaws.attention(2, 2), {}, UnsupportedError, "no finite reparameterization"),
        (lielaws.mlp([2, 2, 2], norm="rms"), {}, UnsupportedError, "no finite reparameterization"),
        ("relu:2-2", {"at": {"W9": 1}}, InvalidArgumentError, "not among the parameters"),
        ("relu:2-2", {"at": {}}, InvalidArgumentError, "missing"),
        ("relu:2-2", {"at": {"W1": [[1, 2]]}}, InvalidArgumentError, "shape"),
        ("relu:2-2", {"at": {"W1": [[1, 2], [3, "a"]]}}, InvalidArgumentError, "rational numbers"),
        ("relu:2-2", {"at": {"W1": [[1, 2], [3, float("inf")]]}}, InvalidArgumentError, "finite"),
        ("relu:2-2", {"at": 3}, InvalidArgumentError, "mapping"),
        ("linear:2-2-2", {"at": {"W1": EYE, "W2": EYE}, "law_values": 0}, InvalidArgumentError, "either"),
        (([X, Y], [X / Y]), {"at": {"x": 1, "y": 0}}, InvalidArgumentError, "denominator"),
        ("relu:2-2-2", {"seed": -1}, InvalidArgumentError, "seed"),
        ("relu:2-2-2", {"seed": "a"}, InvalidArgumentError, "seed"),
        ("relu:2-2-2", {"max_degree": 0}, InvalidArgumentError, "max_degree"),
        (17, {}, InvalidArgumentError, "arch"),
        ("nonsense:2-2", {}, LieLawsError, "nonsense"),
    ],
    ids=str,
)
def test_what_callers_get_wrong(arch: Any, settings: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        intrinsic_dynamics(arch, **settings)
    assert "\n" not in str(caught.value)


def test_large_networks_are_decided_at_generic_points_only() -> None:
    arch = lielaws.mlp([10, 20, 20, 20, 10])
    found = intrinsic_dynamics(arch)
    assert found.recoverable
    assert found.n_functions is None
    assert "too many" in str(found)
    params = {name: np.ones(shape, dtype=int) for name, shape in arch.parameters.items()}
    with pytest.raises(SizeError, match="too many"):
        intrinsic_dynamics(arch, at=params)
