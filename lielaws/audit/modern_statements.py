"""Statements on convolutions, attention, gated units, experts, normalization and adapters."""

from __future__ import annotations

from functools import partial
from typing import Any

from lielaws.architectures.attention import attention
from lielaws.architectures.convolution import conv
from lielaws.architectures.gated import glu, moe
from lielaws.architectures.low_rank import low_rank
from lielaws.architectures.mlp import mlp
from lielaws.audit.statement import Instance, Statement

_QK, _VO = "Q1 @ Q1.T - K1 @ K1.T", "V1 @ V1.T - O1 @ O1.T"


def _conv(label: str, claimed: int, channels: list[int], **options: Any) -> Instance:
    return Instance(label, lambda: conv(channels, **options), claimed)


def _heads(d_model: int, d_head: int, heads: int, **options: Any) -> Instance:
    """Q Q^T - K K^T and V V^T - O O^T for each head."""
    label = f"d {d_model}, head size {d_head}, {heads} heads, " + ", ".join(f"{k} {v}" for k, v in options.items())
    claimed = heads * d_head * (d_head + 1)
    return Instance(label, lambda: attention(d_model, d_head, heads=heads, **options), claimed, (_QK, _VO))


def _grouped(d_model: int, d_head: int, heads: int, groups: int) -> Instance:
    claimed = groups * d_head * (d_head + 1)
    return Instance(
        f"d {d_model}, head size {d_head}, {heads} heads in {groups} groups",
        lambda: attention(d_model, d_head, heads=heads, kv_heads=groups),
        claimed,
    )


def _rotary(d_model: int, frequencies: list[Any], heads: int = 1) -> Instance:
    size = 2 * len(frequencies)
    claimed = heads * (len(frequencies) + size * (size + 1) // 2)
    label = f"frequencies {', '.join(map(str, frequencies))}" + (f", {heads} heads" if heads > 1 else "")
    return Instance(label, lambda: attention(d_model, size, heads=heads, rotary=frequencies), claimed)


def _experts(d: int, hidden: int, experts: int, gate: str, top_k: int | None = None) -> Instance:
    label = f"d {d}, hidden {hidden}, {experts} experts" + (f", top {top_k}" if top_k else "")
    return Instance(label, lambda: moe(d, hidden, experts, gate=gate, top_k=top_k), experts * hidden + d)


def _normalized(norm: str, epsilon: Any, widths: list[int], activation: str = "linear") -> Instance:
    text = {False: "epsilon 0", True: "symbolic epsilon"}.get(epsilon, f"epsilon {epsilon}")
    label = f"{norm} norm, {text}, {'-'.join(map(str, widths))} {activation}"
    return Instance(label, lambda: mlp(widths, activation, norm=norm, affine=False, epsilon=epsilon), 1, ("norm2(W1)",))


def modern_statements() -> tuple[Statement, ...]:
    """G9 to G15, G19 to G24."""
    relu = {"kernel": 2, "size": 4}
    flat = {**relu, "activation": "linear"}
    return (
        Statement(
            "G9",
            "two-layer multi-channel convolution with ReLU: one law per hidden channel, complete",
            "arXiv 2506.06194 Thm 3.6",
            (
                _conv("1-2-1, kernel 2", 2, [1, 2, 1], **relu),
                _conv("2-3-2, kernel 2", 3, [2, 3, 2], **relu),
                _conv("1-2-1, kernel 1", 2, [1, 2, 1], kernel=1, size=3),
                _conv("1-2-1, stride 2", 2, [1, 2, 1], kernel=2, size=6, stride=2),
                _conv("1-2-1, two dimensions", 2, [1, 2, 1], kernel=2, size=4, dim=2),
                _conv("1-1-1, kernel 2", 1, [1, 1, 1], **relu),
                _conv("1-3-1, one position of the output", 3, [1, 3, 1], kernel=2, size=3),
                _conv("1-2-1, leaky ReLU", 2, [1, 2, 1], **relu, activation="leaky_relu"),
            ),
        ),
        Statement(
            "G10",
            "two-layer multi-channel convolution, linear: matrix laws between channels, c(c+1)/2 for c hidden channels",
            "by analogy with G2 and G9",
            (
                _conv("1-1-1, kernel 2", 1, [1, 1, 1], **flat),
                _conv("1-2-1, kernel 2", 3, [1, 2, 1], **flat),
                _conv("2-2-2, kernel 2", 3, [2, 2, 2], **flat),
                _conv("2-3-2, kernel 2", 6, [2, 3, 2], **flat),
                _conv("1-2-2, kernel 2", 3, [1, 2, 2], **flat),
                _conv("1-2-1, stride 2", 3, [1, 2, 1], kernel=2, size=6, stride=2, activation="linear"),
            ),
        ),
        Statement(
            "G11",
            "deep linear one-dimensional convolutions with one channel: L - 1 laws",
            "arXiv 2507.06367",
            (
                _conv("two layers, kernel 2", 1, [1, 1, 1], kernel=2, size=5, activation="linear"),
                _conv("three layers, kernel 2", 2, [1, 1, 1, 1], kernel=2, size=6, activation="linear"),
                _conv("three layers, kernel 3", 2, [1, 1, 1, 1], kernel=3, size=9, activation="linear"),
                _conv("three layers, kernel 1", 2, [1, 1, 1, 1], kernel=1, size=3, activation="linear"),
                _conv("two layers, kernel 2, stride 2", 1, [1, 1, 1], kernel=2, size=6, stride=2, activation="linear"),
                _conv("two layers, kernel 1", 1, [1, 1, 1], kernel=1, size=2, activation="linear"),
                _conv("two layers, one position of the output", 1, [1, 1, 1], kernel=2, size=3, activation="linear"),
                _conv("four layers, kernel 2", 3, [1, 1, 1, 1, 1], kernel=2, size=7, activation="linear"),
                _conv("two layers, kernel 3, stride 2", 1, [1, 1, 1], kernel=3, size=9, stride=2, activation="linear"),
            ),
        ),
        Statement(
            "G12",
            "single-head attention: Q Q^T - K K^T, V V^T - O O^T, complete",
            "arXiv 2506.06194 Cor. 3.9",
            (
                _heads(3, 2, 1, tokens=3),
                _heads(2, 1, 1, tokens=2),
                _heads(3, 2, 1, tokens=1),
                _heads(2, 3, 1, tokens=3),
                _heads(1, 1, 1, tokens=3),
                _heads(3, 2, 1, tokens=3, causal=True),
            ),
        ),
        Statement(
            "G13",
            "multi-head attention: the same per head, complete",
            "arXiv 2606.17816 Thm 4.3",
            (
                _heads(3, 2, 2, tokens=3),
                _heads(2, 1, 2, tokens=3),
                _heads(3, 1, 3, tokens=3),
                _heads(1, 1, 2, tokens=3),
                _heads(2, 3, 2, tokens=2),
                _heads(3, 2, 2, tokens=3, causal=True),
            ),
        ),
        Statement(
            "G14",
            "grouped-query attention: sum_i Q_i^T Q_i - K^T K, V^T V - sum_i O_i^T O_i per group, "
            "n_groups d_h (d_h + 1) in all",
            "arXiv 2609.34549 Prop. 18",
            (
                _grouped(3, 2, 2, 1),
                _grouped(2, 1, 2, 1),
                _grouped(3, 1, 4, 2),
                _grouped(1, 2, 2, 1),
                _grouped(2, 2, 4, 2),
            ),
        ),
        Statement(
            "G15",
            "rotary positions: per head and plane |Q^(j)|_F^2 - |K^(j)|_F^2, plus V V^T - O O^T; complete",
            "arXiv 2606.17816 Thm 4.4",
            (
                _rotary(3, [1]),
                _rotary(3, [1, 2]),
                _rotary(3, [1, 1]),
                _rotary(3, [0]),
                _rotary(3, [1], heads=2),
            ),
        ),
        Statement(
            "G19",
            "SwiGLU C (SiLU(A x) * B x): |C[:,i]|^2 - |B[i,:]|^2, one per hidden unit, complete",
            "arXiv 2606.17816 Thm 4.2",
            tuple(
                Instance(f"d {d}, hidden {h}", partial(glu, d, h), h, ("diag(C.T @ C - B @ B.T)",))
                for d, h in ((3, 4), (1, 1), (2, 3), (4, 2), (1, 3))
            ),
        ),
        Statement(
            "G20",
            "softmax mixture of experts, dense: expert laws and the column sums of the gate (d of them), complete",
            "arXiv 2606.17816 Thm 4.5",
            (
                _experts(2, 1, 2, "softmax"),
                _experts(2, 2, 3, "softmax"),
                _experts(1, 1, 2, "softmax"),
                _experts(1, 2, 4, "softmax"),
            ),
        ),
        Statement(
            "G21",
            "the same, top-k with k > 1",
            "arXiv 2606.17816 Thm 4.6",
            (
                _experts(2, 1, 3, "softmax", 2),
                _experts(1, 1, 3, "softmax", 2),
                _experts(2, 1, 4, "softmax", 3),
                _experts(2, 1, 2, "softmax", 2),
            ),
        ),
        Statement(
            "G22",
            "normalized-sigmoid gate: the laws coincide with those of the softmax gate",
            "arXiv 2606.17816 Thm 4.7",
            (
                _experts(1, 1, 2, "normalized_sigmoid"),
                _experts(2, 1, 2, "normalized_sigmoid"),
                _experts(2, 2, 3, "normalized_sigmoid"),
            ),
        ),
        Statement(
            "G23",
            "a weight matrix followed by a normalization without gain: |W|_F^2 is conserved",
            "arXiv 2012.04728 and others",
            (
                _normalized("rms", False, [2, 3, 2]),
                _normalized("rms", True, [2, 3, 2]),
                _normalized("layer", False, [2, 3, 2]),
                _normalized("layer", True, [2, 3, 2]),
                _normalized("batch", False, [2, 2, 2]),
                _normalized("rms", False, [2, 3, 2], "relu"),
            ),
        ),
        Statement(
            "G24",
            "low-rank adapter W0 + B A: B^T B - A A^T, r(r+1)/2",
            "folklore",
            tuple(
                Instance(
                    f"{n} x {m}, rank {r}",
                    partial(low_rank, m, n, r),
                    r * (r + 1) // 2,
                    ("B.T @ B - A @ A.T",),
                )
                for n, m, r in ((3, 3, 1), (3, 3, 2), (2, 2, 2), (1, 1, 1), (1, 1, 3), (1, 2, 4))
            ),
        ),
    )
