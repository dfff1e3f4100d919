"""Facts that none of the papers states, found here. Each is a complete list: count and laws are both proved."""

from __future__ import annotations

import pytest

from lielaws import attention, conv, discover_laws, glu, mlp, moe, transformer_block, weight_norm


def _groups(report) -> set[str]:
    assert report.complete
    return {group.text for group in report.groups}


def test_layer_norm_with_gain_and_shift():
    """Column sums of the weights before it, and |gain, shift|^2 - |outgoing|^2 per unit; for epsilon 0 also |W|^2."""
    report = discover_laws(mlp([3, 4, 2], norm="layer"))
    assert report.n_laws == 3 + 4
    assert _groups(report) == {"sum W1[:,k]", "gain1[k]^2 + shift1[k]^2 - |W2[:,k]|^2"}
    assert discover_laws(mlp([3, 4, 2], norm="layer", epsilon=False)).n_laws == 3 + 4 + 1


def test_rms_norm_with_gain():
    """One law per unit between gain and outgoing weights; for epsilon 0 the norm of the weights before it too."""
    assert _groups(discover_laws(mlp([3, 4, 2], norm="rms"))) == {"gain1[k]^2 - |W2[:,k]|^2"}
    assert _groups(discover_laws(mlp([3, 4, 2], norm="rms", epsilon=False))) == {"gain1[k]^2 - |W2[:,k]|^2", "|W1|^2"}


def test_batch_norm_without_epsilon():
    """Each row of the weights before it keeps its norm, as each unit is normalized by itself."""
    report = discover_laws(mlp([3, 3, 2], norm="batch", epsilon=False))
    assert _groups(report) == {"|W1[k,:]|^2", "gain1[k]^2 + shift1[k]^2 - |W2[:,k]|^2"}


def test_weight_normalization_decouples_neighbours():
    """Every direction keeps its norm, but of one law per hidden unit only one for the whole layer remains."""
    report = discover_laws(weight_norm([2, 3, 2], "relu"))
    assert _groups(report) == {"|V1[k,:]|^2", "|V2[k,:]|^2", "|g1|^2 - |g2|^2"}


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_linear_convolution_with_one_input_and_output_channel(channels):
    """1-c-1 channels have c^2 laws, not c (c + 1) / 2: products of polynomials commute."""
    report = discover_laws(conv([1, channels, 1], kernel=4, size=8, activation="linear"))
    assert (report.n_laws, report.complete) == (channels**2, True)


def test_attention_without_softmax_has_one_more_law():
    """The scale of keys and values can be exchanged."""
    report = discover_laws(attention(3, 2, softmax=False))
    assert (report.n_laws, report.complete) == (7, True)
    assert discover_laws(attention(3, 2)).n_laws == 6


def test_equal_rotary_frequencies_add_laws():
    """Planes that rotate together can be mixed by a common rotation of queries and keys."""
    assert discover_laws(attention(3, 4, rotary=[1, 2])).n_laws == 12
    report = discover_laws(attention(3, 4, rotary=[1, 1]))
    assert (report.n_laws, report.complete) == (14, True)


def test_normalized_sigmoid_gate_conserves_nothing():
    """Against the analogy with softmax: only the laws of the experts remain."""
    report = discover_laws(moe(1, 1, 2, gate="normalized_sigmoid"))
    assert _groups(report) == {"|B1|^2 - |C1|^2", "|B2|^2 - |C2|^2"}
    assert discover_laws(moe(1, 1, 2)).n_laws == 3


def test_top_one_experts_never_train_their_gate():
    """A single renormalized weight is one, so every entry of the gate is conserved."""
    report = discover_laws(moe(2, 1, 3, top_k=1))
    assert (report.n_laws, report.complete) == (6 + 3, True)


def test_exponential_network_with_hidden_bias():
    """A bias shifts the logarithm of the outgoing weights: 2 b_k - |out_k|^2."""
    assert _groups(discover_laws(mlp([2, 2, 2], "exp", bias=True))) == {"2 b1[k] - |W2[:,k]|^2"}


def test_relu_gated_units_have_both_kinds_of_laws():
    """ReGLU is homogeneous in both factors: two laws per unit where SwiGLU has one."""
    assert discover_laws(glu(3, 4, "relu")).n_laws == 8
    assert discover_laws(glu(3, 4, "silu")).n_laws == 4


def test_transformer_block():
    """Width 4, two heads of size 2, SwiGLU, RMSNorm with gain: each gain is balanced by all that reads it."""
    report = discover_laws(transformer_block(4, 2, 2, 4))
    assert (report.n_parameters, report.n_laws) == (120, 24)
    assert {
        "|B[k,:]|^2 - |C[:,k]|^2",
        "gain2[k]^2 - |A[:,k]|^2 - |B[:,k]|^2",
        "gain1[k]^2 - |Q1[:,k]|^2 - |Q2[:,k]|^2 - |K1[:,k]|^2 - |K2[:,k]|^2 - |V1[:,k]|^2 - |V2[:,k]|^2",
    } < _groups(report)
