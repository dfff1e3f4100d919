"""Facts about norms, residual streams and attention that none of the papers states. Count and laws are both proved.

Closed forms are checked as such: they hold, and as many of them are independent as there can be laws. Formulas in the
docstrings are observed for the sizes that are computed; that the symmetry gives the laws holds for all sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product

import pytest

from lielaws import attention, discover_laws, mlp, share, transformer, transformer_block, verify, weight_norm
from tests.theory.facts import assert_complete, half, latent_attention, query_key_norm, stream, texts

_DEGREES = {"linear": 1, "square": 2, "cube": 3}


@pytest.mark.parametrize(
    ("widths", "activation", "epsilon"),
    [
        ([3, 4, 2], "square", True),
        ([2, 3, 2], "cube", Fraction(1, 10)),
        ([2, 3, 2], "square", False),
        ([3, 4, 2], "linear", False),
    ],
)
def test_layer_norm_with_gain_and_shift(widths, activation, epsilon):
    """Column sums of the weights before it, gain^2 + shift^2 - p |out|^2 per unit (degree p); for epsilon 0 |W1|^2."""
    laws = ["sum(W1, axis=0)", f"gain1**2 + shift1**2 - {_DEGREES[activation]}*diag(W2.T @ W2)"]
    zero = epsilon is False
    arch = mlp(widths, activation, norm="layer", epsilon=epsilon)
    assert_complete(arch, laws + ["norm2(W1)"] * zero, widths[0] + widths[1] + zero)


def test_layer_norm_with_other_activations():
    """The gates of a ReLU change nothing; an activation that is not homogeneous leaves the column sums."""
    assert texts(discover_laws(mlp([3, 4, 2], norm="layer"))) == {
        "sum W1[:,k]",
        "gain1[k]^2 + shift1[k]^2 - |W2[:,k]|^2",
    }
    assert_complete(mlp([3, 4, 2], "tanh", norm="layer"), ["sum(W1, axis=0)"], 3)
    assert_complete(mlp([2, 3, 2], "tanh", norm="layer", epsilon=False), ["sum(W1, axis=0)", "norm2(W1)"], 3)


@pytest.mark.parametrize("widths", [[3, 4, 2], [2, 3, 3]])
def test_what_reads_a_layer_norm_without_gain(widths):
    """Its outputs sum to zero: so do the directions in which rows that read them can move."""
    arch = mlp(widths, "linear", norm="layer", affine=False)
    assert_complete(arch, ["sum(W1, axis=0)", "sum(W2, axis=1)"], widths[0] + widths[2])


def test_rms_norm_with_gain():
    """One law per unit between gain and outgoing weights; for epsilon 0 the norm of the weights before it too."""
    assert texts(discover_laws(mlp([3, 4, 2], norm="rms"))) == {"gain1[k]^2 - |W2[:,k]|^2"}
    assert texts(discover_laws(mlp([3, 4, 2], norm="rms", epsilon=False))) == {"gain1[k]^2 - |W2[:,k]|^2", "|W1|^2"}


@pytest.mark.parametrize(("widths", "bias"), [([2, 3, 2], False), ([3, 2, 2], False), ([2, 2, 2], True)])
def test_batch_norm_without_epsilon(widths, bias):
    """Each row before it keeps its norm, as each unit is normalized by itself; a bias before it never moves."""
    arch = mlp(widths, "square", bias=bias, norm="batch", epsilon=False)
    laws = ["diag(W1 @ W1.T)", "gain1**2 + shift1**2 - 2*diag(W2.T @ W2)"] + ["b1"] * bias
    assert_complete(arch, laws, (2 + bias) * widths[1])


@pytest.mark.parametrize(("widths", "activation"), [([2, 3, 2], "linear"), ([2, 2, 3, 2], "square")])
def test_weight_normalization_decouples_neighbours(widths, activation):
    """Every direction keeps its norm, but of one law per hidden unit only one for the whole layer remains."""
    depth, degree = len(widths) - 1, _DEGREES[activation]
    laws = [f"diag(V{k} @ V{k}.T)" for k in range(1, depth + 1)]
    laws += [f"norm2(g{k}) - {degree}*norm2(g{k + 1})" for k in range(1, depth)]
    assert_complete(weight_norm(widths, activation), laws, sum(widths[1:]) + depth - 1)


@pytest.mark.parametrize(("d_model", "d_head"), [(3, 2), (3, 3)])
def test_normalized_queries_and_keys(d_model, d_head):
    """The balanced matrix of queries and keys goes: gains are balanced one by one, and both matrices keep a norm."""
    laws = ["norm2(Q)", "norm2(K)", "gq**2 - gk**2", "V @ V.T - O @ O.T"]
    assert_complete(query_key_norm(d_model, d_head), laws, 2 + d_head + half(d_head))


@pytest.mark.parametrize(("d", "blocks", "centered"), [(3, 1, False), (2, 2, False), (3, 1, True), (4, 1, True)])
def test_residual_stream_between_norms(d, blocks, centered):
    """Everything that writes to the stream keeps its total norm; with LayerNorm also its sum over the stream."""
    n, hidden = 2, 2
    writers = ["E", *(f"C{k}" for k in range(1, blocks + 1))]
    laws = [" + ".join(f"norm2({name})" for name in writers), "g**2 - diag(U.T @ U)"]
    laws += [f"g{k}**2 - diag(A{k}.T @ A{k})" for k in range(1, blocks + 1)]
    laws += [f"sum({name}, axis=0)" for name in writers] * centered
    count = 1 + d * (blocks + 1) + centered * (n + hidden * blocks)
    assert_complete(stream(n, d, hidden, 2, blocks, centered=centered), laws, count)


@pytest.mark.parametrize("tied", [False, True])
def test_residual_stream_of_a_transformer(tied):
    """With epsilon 0, the embedding and all outputs of blocks have one conserved norm; tied, the last gain joins."""
    report = discover_laws(transformer(4, 3, 1, 2, 2, tied=tied))
    law = "|E|^2 + |1.O1|^2 + |1.C|^2"
    assert law + " - |gain|^2" * tied in texts(report)
    assert report.n_laws == 3 + 3 + 2 + 3 + 3 + 1 + (not tied) * 3


@pytest.mark.parametrize(("d_model", "blocks"), [(3, 1), (2, 1), (2, 2)])
def test_residual_stream_without_norms(d_model, blocks):
    """A change of basis of the stream balances all that writes to it against all that reads it, across the skips."""
    arch = transformer(4, d_model, 1, 2, 2, blocks=blocks, norm=None)
    report = discover_laws(arch)
    assert report.complete
    assert report.n_laws == half(d_model) + blocks * (2 * half(2) + 2)
    for i, j in combinations_with_replacement(range(d_model), 2):
        law = f"dot(E[:,{i}], E[:,{j}]) - dot(U[:,{i}], U[:,{j}])"
        for k in range(1, blocks + 1):
            law += "".join(f" - dot({k}.{t}[:,{i}], {k}.{t}[:,{j}])" for t in ("Q1", "K1", "V1", "A", "B"))
            law += f" + dot({k}.O1[:,{i}], {k}.O1[:,{j}]) + dot({k}.C[{i},:], {k}.C[{j},:])"
        assert report.contains(law)
    assert (d_model, blocks) != (2, 1) or verify(report.certificate).valid


def test_transformer_block():
    """Width 4, two heads of size 2, SwiGLU, RMSNorm with gain: each gain is balanced by all that reads it."""
    report = discover_laws(transformer_block(4, 2, 2, 4))
    assert (report.n_parameters, report.n_laws) == (120, 24)
    assert {
        "|B[k,:]|^2 - |C[:,k]|^2",
        "gain2[k]^2 - |A[:,k]|^2 - |B[:,k]|^2",
        "gain1[k]^2 - |Q1[:,k]|^2 - |Q2[:,k]|^2 - |K1[:,k]|^2 - |K2[:,k]|^2 - |V1[:,k]|^2 - |V2[:,k]|^2",
    } < texts(report)


@pytest.mark.parametrize(("d_model", "d_head", "heads"), [(3, 2, 1), (3, 3, 1), (3, 2, 2)])
def test_attention_without_softmax_has_one_more_law(d_model, d_head, heads):
    """The scale of queries and keys can be exchanged with that of values and outputs, in each head."""
    laws = []
    for h in range(1, heads + 1):
        laws += [f"Q{h} @ Q{h}.T - K{h} @ K{h}.T", f"V{h} @ V{h}.T - O{h} @ O{h}.T", f"norm2(Q{h}) - norm2(V{h})"]
    assert_complete(attention(d_model, d_head, heads, softmax=False), laws, heads * (2 * half(d_head) + 1))
    assert discover_laws(attention(d_model, d_head, heads)).n_laws == heads * 2 * half(d_head)


@pytest.mark.parametrize(("d_model", "d_head"), [(3, 2), (4, 3)])
@pytest.mark.parametrize("softmax", [True, False])
def test_queries_that_are_the_keys(d_model, d_head, softmax):
    """The balanced matrix goes; without softmax one scale is left. (Heads larger than the model have other laws.)"""
    laws = ["V1 @ V1.T - O1 @ O1.T"] + ["norm2(Q1) - norm2(V1) - norm2(O1)"] * (not softmax)
    assert_complete(attention(d_model, d_head, softmax=softmax, tied_qk=True), laws, half(d_head) + (not softmax))


@pytest.mark.parametrize(("d_model", "d_head", "heads", "kv_heads"), [(3, 2, 1, 1), (3, 2, 2, 1), (3, 3, 1, 1)])
@pytest.mark.parametrize("softmax", [True, False])
def test_attention_with_biases(d_model, d_head, heads, kv_heads, softmax):
    """Biases are further columns of the balanced matrices; softmax does not see those of keys, which never move."""
    queries = " + ".join(f"Q{h} @ Q{h}.T + outer(bq{h}, bq{h})" for h in range(1, heads + 1))
    outputs = " - ".join(f"O{h} @ O{h}.T" for h in range(1, heads + 1))
    laws = [f"{queries} - K1 @ K1.T - outer(bk1, bk1)", f"V1 @ V1.T + outer(bv1, bv1) - {outputs}"]
    arch = attention(d_model, d_head, heads, kv_heads, softmax=softmax, bias=True)
    if softmax:
        assert_complete(arch, [*laws, "bk1"], 2 * half(d_head) + d_head)
    elif heads == 1:
        assert_complete(arch, [*laws, "norm2(Q1) + norm2(bq1) - norm2(O1)"], 2 * half(d_head) + 1)


def _rotary_laws(frequencies: Sequence[int]) -> list[str]:
    """For two planes that turn alike or oppositely, the real and the imaginary part of their inner product as well."""
    laws = ["V1 @ V1.T - O1 @ O1.T"]

    def balance(i: int, j: int, sign: int, k: int, m: int) -> str:
        left, right = (f"dot({t}[{i},:], {t}[{j},:]) + ({sign})*dot({t}[{k},:], {t}[{m},:])" for t in ("Q1", "K1"))
        return f"{left} - ({right})"

    for a, b in combinations_with_replacement(range(len(frequencies)), 2):
        f, g = frequencies[a], frequencies[b]
        rows = (2 * a, 2 * a + 1), (2 * b, 2 * b + 1)
        if f == g == 0:
            laws += [balance(i, j, 0, 0, 0) for i, j in product(*rows) if i <= j]
        elif abs(f) == abs(g):
            sign = 1 if f == g else -1
            laws += [balance(rows[0][0], rows[1][0], sign, rows[0][1], rows[1][1])]
            laws += [balance(rows[0][0], rows[1][1], -sign, rows[0][1], rows[1][0])] * (a < b)
    return laws


@pytest.mark.parametrize(
    ("frequencies", "count"),
    [([1, 2], 2), ([1, 1], 4), ([1, -1], 4), ([1, 0], 4), ([0, 0], 10), ([0], 3), ([1, 1, 1], 9), ([1, 0, 1], 7)],
)
def test_equal_and_zero_rotary_frequencies(frequencies, count):
    """m planes of one speed have m^2 laws, their Hermitian inner products; m that stand still have m (2 m + 1)."""
    width = 2 * len(frequencies)
    arch = attention(3, width, d_value=2, rotary=frequencies)
    assert_complete(arch, _rotary_laws(frequencies), count + half(2), certified=frequencies in ([1, 1], [1, 0], [0]))


@pytest.mark.parametrize("d_head", [2, 3])
@pytest.mark.parametrize(
    ("ties", "law"),
    [
        ({"V1": "K1"}, "Q1 @ Q1.T - K1 @ K1.T + O1 @ O1.T"),
        ({"V1": "Q1"}, "Q1 @ Q1.T - K1 @ K1.T - O1 @ O1.T"),
        ({"O1": "Q1"}, "Q1 @ Q1.T - K1 @ K1.T - V1 @ V1.T"),
        ({"O1": "V1"}, "Q1 @ Q1.T - K1 @ K1.T"),
    ],
)
def test_shared_tensors_of_a_head(d_head, ties, law):
    """Of the two balanced matrices one is left: the sum or difference in which the tied tensor belongs to both."""
    assert_complete(share(attention(3, d_head), ties), [law], half(d_head))


@pytest.mark.parametrize("sizes", [(3, 2, 2), (3, 2, 3), (4, 3, 2)])
def test_latent_attention(sizes):
    """Keys and values made of one latent vector: a third balanced matrix, between what makes it and what reads it."""
    laws = ["Q @ Q.T - K @ K.T", "V @ V.T - O @ O.T", "D @ D.T - K.T @ K - V.T @ V"]
    assert_complete(latent_attention(*sizes), laws, 2 * half(sizes[1]) + half(sizes[2]))
