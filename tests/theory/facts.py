"""What the tests of new facts share: the assertion, and networks that are written out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement, pairwise
from typing import Any

import numpy as np

from lielaws import Architecture, architecture, check_laws, discover_laws, verify


def assert_complete(arch: Architecture, laws: Iterable[str], count: int, *, certified: bool = True) -> None:
    """The closed forms are all laws there are, the search finds as many, and the certificate stands on its own."""
    check = check_laws(arch, list(laws))
    assert check.all_hold, str(check)
    assert (check.n_independent, check.n_laws) == (count, count), str(check)
    report = discover_laws(arch)
    assert (report.n_laws, report.complete, report.certificate.status) == (count, True, "exact")
    if certified:
        assert verify(report.certificate).reasons == ()


def texts(report: Any) -> set[str]:
    """The groups of laws of a complete report."""
    assert report.complete
    return {group.text for group in report.groups}


def half(n: int) -> int:
    """Independent entries of a symmetric n x n matrix."""
    return n * (n + 1) // 2


def _rms(x: Any, ops: Any) -> Any:
    return x * ops.rsqrt((x**2).mean(x.ndim - 1)).reshape(*x.shape[:-1], 1)


def query_key_norm(d_model: int, d_head: int, tokens: int = 2) -> Architecture:
    """Attention in which queries and keys go through an RMSNorm with gain, epsilon 0."""

    def net(p, X, ops):
        q, k = p.gq * _rms(X @ p.Q.T, ops), p.gk * _rms(X @ p.K.T, ops)
        return ops.softmax(q @ k.T) @ (X @ p.V.T) @ p.O

    shapes = dict.fromkeys(("Q", "K", "V", "O"), (d_head, d_model)) | {"gq": (d_head,), "gk": (d_head,)}
    return architecture(net, parameters=shapes, data={"X": (tokens, d_model)})


def stream(n: int, d: int, hidden: int, outputs: int, blocks: int, *, centered: bool) -> Architecture:
    """U norm(h), with h = E x followed by residual blocks h + C tanh(A norm(h)); norms have gains, and epsilon 0."""

    def norm(h, ops):
        return _rms(h - h.mean() if centered else h, ops)

    def net(p, x, ops):
        h = p.E @ x
        for k in range(1, blocks + 1):
            h = h + p[f"C{k}"] @ ops.tanh(p[f"A{k}"] @ (p[f"g{k}"] * norm(h, ops)))
        return p.U @ (p.g * norm(h, ops))

    shapes: dict[str, tuple[int, ...]] = {"E": (d, n)}
    for k in range(1, blocks + 1):
        shapes |= {f"g{k}": (d,), f"A{k}": (hidden, d), f"C{k}": (d, hidden)}
    return architecture(net, parameters=shapes | {"g": (d,), "U": (outputs, d)}, data={"x": (n,)})


def latent_attention(d_model: int, d_head: int, latent: int) -> Architecture:
    """Keys and values are made of one latent vector D x."""

    def net(p, X, ops):
        inner = X @ p.D.T
        return ops.softmax((X @ p.Q.T) @ (inner @ p.K.T).T) @ (inner @ p.V.T) @ p.O

    shapes = dict.fromkeys(("Q", "O"), (d_head, d_model)) | dict.fromkeys(("K", "V"), (d_head, latent))
    return architecture(net, parameters=shapes | {"D": (latent, d_model)}, data={"X": (3, d_model)})


def circular(n: int, channels: int) -> Architecture:
    """Two convolutions on a circle of n points, kernels of length n, from one channel to one channel."""
    turned = np.array([[(i - j) % n for j in range(n)] for i in range(n)])

    def net(p, x, ops):
        return ops.einsum("cij,cj->i", p.V[:, turned], ops.einsum("cij,j->ci", p.W[:, turned], x))

    return architecture(net, parameters={"W": (channels, n), "V": (channels, n)}, data={"x": (n,)})


def recurrent(n: int, states: int, outputs: int, steps: int, activation: str) -> Architecture:
    """C h_T with h_t = act(A h_{t-1} + B x_t)."""

    def net(p, x, ops):
        act = getattr(ops, activation)
        h = act(p.B @ x[0])
        for t in range(1, steps):
            h = act(p.A @ h + p.B @ x[t])
        return p.C @ h

    shapes = {"A": (states, states), "B": (states, n), "C": (outputs, states)}
    return architecture(net, parameters=shapes, data={"x": (steps, n)})


def tensor_train(ranks: Sequence[int], n: int, *, closed: bool) -> Architecture:
    """The product of matrices G_i(x_i), linear in each x_i; closed by a trace."""
    ends = [ranks[-1], *ranks] if closed else [1, *ranks, 1]
    shapes = {f"G{i}": (left, n, right) for i, (left, right) in enumerate(pairwise(ends), start=1)}

    def net(p, *data_and_ops):
        *data, ops = data_and_ops
        product = None
        for name, x in zip(shapes, data, strict=True):
            factor = ops.einsum("anb,n->ab", p[name], x)
            product = factor if product is None else product @ factor
        return (product * ops.eye(ends[0])).sum()

    return architecture(net, parameters=shapes, data={f"x{i}": (n,) for i in range(1, len(shapes) + 1)})


def bond_laws(left: str, right: str, rank: int) -> list[str]:
    """The balanced matrix of two neighbours in a tensor train."""
    pairs = combinations_with_replacement(range(rank), 2)
    return [f"dot({left}[:,:,{i}], {left}[:,:,{j}]) - dot({right}[{i},:,:], {right}[{j},:,:])" for i, j in pairs]
