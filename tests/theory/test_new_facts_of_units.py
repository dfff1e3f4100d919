"""Facts about gates, activations, convolutions, recurrence and tensors that none of the papers states.

As in test_new_facts: count and laws are both proved, and formulas are observed for the sizes that are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, combinations_with_replacement
from typing import Any

import pytest

from lielaws import Architecture, architecture, conv, discover_laws, glu, mlp, moe, share
from tests.theory.facts import assert_complete, bond_laws, circular, half, recurrent, tensor_train


def _network(net: Any, parameters: Mapping[str, tuple[int, ...]], **data: tuple[int, ...]) -> Architecture:
    return architecture(net, parameters=parameters, data=data)


@pytest.mark.parametrize(("gate", "degree"), [("linear", 1), ("relu", 1), ("abs", 1), ("square", 2), ("relu2", 2)])
@pytest.mark.parametrize(("d_model", "hidden"), [(3, 4), (2, 3)])
def test_gated_units_with_a_homogeneous_gate(gate, degree, d_model, hidden):
    """Two laws per unit where SwiGLU has one."""
    laws = ["diag(B @ B.T - C.T @ C)", f"diag(A @ A.T - {degree}*C.T @ C)"]
    assert_complete(glu(d_model, hidden, gate), laws, 2 * hidden)
    assert discover_laws(glu(d_model, hidden, "silu")).n_laws == hidden


@pytest.mark.parametrize(("gate", "top_k"), [("normalized_sigmoid", None), ("sigmoid", None), ("sigmoid", 2)])
@pytest.mark.parametrize(("d_model", "hidden", "experts"), [(1, 1, 2), (2, 2, 2), (2, 1, 3)])
def test_sigmoid_gates_conserve_nothing(gate, top_k, d_model, hidden, experts):
    """Against the analogy with softmax, which keeps the column sums of its gate: only the laws of experts remain."""
    laws = [f"diag(B{e} @ B{e}.T - C{e}.T @ C{e})" for e in range(1, experts + 1)]
    if top_k is None or d_model == 2:
        assert_complete(moe(d_model, hidden, experts, gate, top_k), laws, hidden * experts)
    assert discover_laws(moe(d_model, hidden, experts)).n_laws == d_model + hidden * experts


@pytest.mark.parametrize("gate", ["softmax", "sigmoid"])
@pytest.mark.parametrize(("d_model", "hidden", "experts"), [(2, 1, 3), (1, 2, 2)])
def test_top_one_experts_never_train_their_gate(gate, d_model, hidden, experts):
    """A single renormalized weight is one, so every entry of the gate is conserved."""
    laws = ["G", *(f"diag(B{e} @ B{e}.T - C{e}.T @ C{e})" for e in range(1, experts + 1))]
    assert_complete(moe(d_model, hidden, experts, gate, top_k=1), laws, experts * (d_model + hidden))


@pytest.mark.parametrize(("n", "units", "outputs"), [(2, 3, 2), (3, 2, 2), (1, 2, 1)])
def test_swish_with_trained_slope(n, units, outputs):
    """SiLU has no law, and u sigmoid(beta u) has one per unit, as beta absorbs a change of scale."""
    arch = _network(
        lambda p, x, ops: p.C @ ((p.A @ x) * ops.sigmoid(p.beta * (p.A @ x))),
        {"A": (units, n), "beta": (units,), "C": (outputs, units)},
        x=(n,),
    )
    assert_complete(arch, ["diag(A @ A.T - C.T @ C) - beta**2"], units)
    assert discover_laws(mlp([n, units, outputs], "silu")).n_laws == 0


@pytest.mark.parametrize(("n", "units", "outputs"), [(2, 3, 2), (3, 2, 2)])
def test_dynamic_tanh(n, units, outputs):
    """The stand-in for a norm, gain tanh(alpha h) + shift: its one slope is balanced against all weights before it."""
    arch = _network(
        lambda p, x, ops: p.C @ (p.gain * ops.tanh(p.alpha * (p.W @ x)) + p.shift),
        {"W": (units, n), "alpha": (), "gain": (units,), "shift": (units,), "C": (outputs, units)},
        x=(n,),
    )
    assert_complete(arch, ["norm2(W) - alpha**2", "gain**2 + shift**2 - diag(C.T @ C)"], units + 1)


@pytest.mark.parametrize(("activation", "per_unit"), [("gelu", 0), ("relu", 1)])
@pytest.mark.parametrize(("d", "hidden"), [(2, 3), (3, 2)])
def test_layer_scale(activation, per_unit, d, hidden):
    """x + gamma * (C act(A x)): gamma is balanced row by row, whatever the activation."""
    arch = _network(
        lambda p, x, ops: x + p.gamma * (p.C @ getattr(ops, activation)(p.A @ x)),
        {"A": (hidden, d), "C": (d, hidden), "gamma": (d,)},
        x=(d,),
    )
    laws = ["diag(C @ C.T) - gamma**2"] + ["diag(A @ A.T - C.T @ C)"] * per_unit
    assert_complete(arch, laws, d + hidden * per_unit)


@pytest.mark.parametrize("widths", [[2, 2, 2], [2, 3, 1], [2, 2, 2, 2]])
def test_exponential_network_with_hidden_bias(widths):
    """A bias shifts the logarithm of the outgoing weights: 2 b_k - |out_k|^2; without biases there is no law."""
    layers = range(1, len(widths) - 1)
    laws = [f"2*b{k} - diag(W{k + 1}.T @ W{k + 1})" for k in layers]
    assert_complete(mlp(widths, "exp", bias=True), laws, sum(widths[1:-1]))
    assert discover_laws(mlp(widths, "exp")).n_laws == 0


def _channel_laws(channels: int, kernel: tuple[int, ...], *, commuting: bool) -> list[str]:
    entries = ",".join(":" for _ in kernel)
    into, out = (f"W1[{{}},0,{entries}]", f"W2[0,{{}},{entries}]")
    laws = [
        f"dot({into.format(i)}, {into.format(j)}) - dot({out.format(i)}, {out.format(j)})"
        for i, j in combinations_with_replacement(range(channels), 2)
    ]
    for i, j in combinations(range(channels) if commuting else (), 2):
        laws.append(f"dot({into.format(i)}, {out.format(j)}) - dot({into.format(j)}, {out.format(i)})")
    return laws


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("dim", [1, 2])
def test_linear_convolution_with_one_input_and_output_channel(channels, dim):
    """1-c-1 channels have c^2 laws, not c (c + 1) / 2: products of polynomials commute."""
    kernel = 4 if dim == 1 else 2
    arch = conv([1, channels, 1], kernel=kernel, size=8 if dim == 1 else 4, dim=dim, activation="linear")
    assert_complete(arch, _channel_laws(channels, (kernel,) * dim, commuting=True), channels**2)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("options", [{"stride": 2}, {"pooling": "average"}, {"padding": 1}])
def test_what_keeps_convolutions_from_commuting(channels, options):
    """A stride, pooling, or padding shorter than the kernel: the laws are those of the analogy with matrices."""
    arch = conv([1, channels, 1], kernel=4, size=14, activation="linear", **options)
    assert_complete(arch, _channel_laws(channels, (4,), commuting=False), half(channels))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_circular_convolution(n):
    """Each frequency has its law |W^(k)|^2 - |V^(k)|^2; over the rationals, differences of autocorrelations."""
    laws = [
        " + ".join(f"W[0,{i}]*W[0,{(i + s) % n}] - V[0,{i}]*V[0,{(i + s) % n}]" for i in range(n))
        for s in range(n // 2 + 1)
    ]
    assert_complete(circular(n, 1), laws, n // 2 + 1)


@pytest.mark.parametrize(("n", "channels"), [(3, 2), (4, 2), (5, 2), (3, 3)])
def test_circular_convolution_with_channels(n, channels):
    """The frequencies train apart: 2 c - 1 laws for each real one, 4 c - 3 for each pair of complex ones."""
    real = 2 - n % 2
    report = discover_laws(circular(n, channels))
    assert report.n_laws == real * (2 * channels - 1) + (n - real) // 2 * (4 * channels - 3)
    assert report.complete


@pytest.mark.parametrize("sizes", [(2, 2, 2, 3), (1, 2, 1, 3), (2, 3, 2, 3), (1, 3, 1, 6)])
def test_recurrent_networks(sizes):
    """A change of basis of the state balances B against C, and A against its transpose; ReLU leaves the diagonal."""
    states = sizes[1]
    law = "A @ A.T - A.T @ A + B @ B.T - C.T @ C"
    assert_complete(recurrent(*sizes, "identity"), [law], half(states))
    assert_complete(recurrent(*sizes, "relu"), [f"diag({law})"], states)


def test_recurrent_network_with_tanh():
    assert discover_laws(recurrent(2, 2, 2, 3, "tanh")).n_laws == 0


@pytest.mark.parametrize(("n", "states", "outputs"), [(2, 2, 2), (2, 3, 2), (1, 2, 1)])
def test_diagonal_and_gated_state_spaces(n, states, outputs):
    """With a diagonal recurrence, or one that a gate computes from the input, one law per state."""

    def diagonal(p, x, ops):
        h = p.B @ x[0]
        for t in range(1, 3):
            h = p.a * h + p.B @ x[t]
        return p.C @ h

    def gated(p, x, ops):
        h = 0 * p.B @ x[0]
        for t in range(2):
            z = ops.sigmoid(p.G @ x[t])
            h = (1 - z) * h + z * (p.B @ x[t])
        return p.C @ h

    shapes = {"B": (states, n), "C": (outputs, states)}
    assert_complete(_network(diagonal, {"a": (states,), **shapes}, x=(3, n)), ["diag(B @ B.T - C.T @ C)"], states)
    assert_complete(_network(gated, {"G": (states, n), **shapes}, x=(2, n)), ["diag(B @ B.T - C.T @ C)"], states)


@pytest.mark.parametrize(("width", "copies"), [(2, 2), (3, 2), (3, 3)])
def test_one_layer_used_several_times(width, copies):
    """The laws of a recurrent network, and the scale: what T copies gain, the last layer loses."""
    ties = {f"W{k}": "W2" for k in range(3, copies + 2)}
    widths, last = [2, *[width] * (copies + 1), 2], f"W{copies + 2}"
    law = f"W1 @ W1.T + W2 @ W2.T - W2.T @ W2 - {last}.T @ {last}"
    scale = f"norm2(W2) - {copies}*norm2({last})"
    assert_complete(share(mlp(widths, "linear"), ties), [law, scale], half(width) + 1)
    assert_complete(share(mlp(widths), ties), [f"diag({law})", scale], width + 1)


@pytest.mark.parametrize("widths", [[2, 2, 2, 2], [2, 3, 3, 2]])
def test_decoder_tied_to_the_encoder_around_a_layer(widths):
    """W1^T W2 W1: the layer in between is balanced from both sides."""
    law = "W1 @ W1.T - W2 @ W2.T - W2.T @ W2"
    assert_complete(share(mlp(widths, "linear"), {"W3": "W1.T"}), [law], half(widths[1]))
    assert_complete(share(mlp(widths), {"W3": "W1.T"}), [f"diag({law})"], widths[1])


@pytest.mark.parametrize(("ranks", "n"), [([2], 3), ([2, 2], 2), ([2, 3], 3)])
def test_tensor_trains(ranks, n):
    """Every bond of rank r has its balanced matrix of r (r + 1) / 2 laws."""
    laws = [law for i, r in enumerate(ranks, start=1) for law in bond_laws(f"G{i}", f"G{i + 1}", r)]
    assert_complete(tensor_train(ranks, n, closed=False), laws, sum(map(half, ranks)))


@pytest.mark.parametrize(("ranks", "n"), [([2, 2, 2], 3), ([2, 3, 2], 3), ([1, 1, 1], 2)])
def test_tensor_rings(ranks, n):
    """Closed by a trace there is one law less than bonds suggest: the traces of the balanced matrices sum to zero."""
    following = [*range(2, len(ranks) + 1), 1]
    bonds = enumerate(zip(following, ranks, strict=True), start=1)
    laws = [law for i, (j, rank) in bonds for law in bond_laws(f"G{i}", f"G{j}", rank)]
    assert_complete(tensor_train(ranks, n, closed=True), laws, sum(map(half, ranks)) - 1)


@pytest.mark.parametrize(("d_in", "d_out", "rank"), [(3, 4, 1), (3, 3, 2), (4, 4, 2)])
def test_product_of_two_adapters(d_in, d_out, rank):
    """(B1 A1) * (B2 A2), entry by entry: rows and columns exchange scale between the factors, with one relation."""
    arch = _network(
        lambda p, x, ops: ((p.B1 @ p.A1) * (p.B2 @ p.A2)) @ x,
        {"B1": (d_out, rank), "A1": (rank, d_in), "B2": (d_out, rank), "A2": (rank, d_in)},
        x=(d_in,),
    )
    laws = ["B1.T @ B1 - A1 @ A1.T", "B2.T @ B2 - A2 @ A2.T"]
    laws += ["diag(B1 @ B1.T - B2 @ B2.T)", "diag(A1.T @ A1 - A2.T @ A2)"]
    assert_complete(arch, laws, 2 * half(rank) + d_in + d_out - 1)
