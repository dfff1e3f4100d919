"""The exact recursion of laws of degree at most two through steps of SGD.

A law is h = q + l + const with q(x) = b(x, x), so that <grad h(x), y> / 2 = b(x, y) + l(y) / 2, and gradients of losses
satisfy <grad h(theta), G> = 0. A step is

    g = s G + lam theta;    m' = keep m + enter g;    u = direct g + through m';    theta' = r theta - eta u

The five numbers of `LawState` after the step are functions of those before it and of three numbers of the gradient,
`GradientForms`: expand every form bilinearly and replace b(theta, x) by <grad h(theta), x> / 2 - l(x) / 2. Nothing is
neglected. For a homogeneous quadratic law and plain SGD this is h(theta - eta G) - h(theta) = eta^2 q(G).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Rule:
    """The factors of one step, each of shape (n,): for n tensors, or for n laws. See the head of the module.

    lr, scale, decay, keep, enter, direct, through : eta, s, lam, and the factors of m' and u
    decoupled : the decoupled decay, which makes r = 1 - eta decoupled
    """

    lr: FloatArray
    scale: FloatArray
    decay: FloatArray
    keep: FloatArray
    enter: FloatArray
    direct: FloatArray
    through: FloatArray
    decoupled: FloatArray

    @property
    def shrink(self) -> FloatArray:
        return np.asarray(1 - self.lr * self.decoupled)

    def at(self, positions: IntArray) -> Rule:
        return Rule(*(getattr(self, field.name)[positions] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class LawState:
    """What the recursion carries, each of shape (laws,).

    square, linear : q(theta), l(theta)
    overlap : beta = <grad h(theta), m> / 2 with the momentum buffer m
    buffer_square, buffer_linear : q(m), l(m)
    """

    square: FloatArray
    linear: FloatArray
    overlap: FloatArray
    buffer_square: FloatArray
    buffer_linear: FloatArray

    @property
    def value(self) -> FloatArray:
        """The law without its constant."""
        return self.square + self.linear


@dataclass(frozen=True, slots=True)
class GradientForms:
    """What the recursion needs to know of one gradient G, each of shape (laws,).

    square, cross, linear : q(G), b(m, G) with the buffer m before the step, l(G)
    overlap : <grad h(theta), G> / 2, zero for a gradient of a loss
    """

    square: FloatArray
    cross: FloatArray
    linear: FloatArray
    overlap: FloatArray

    def lawful(self, purely_linear: Any) -> GradientForms:
        """The same for a gradient that is orthogonal to the gradients of the laws, whatever was measured.

        Where a law has no quadratic part, l(G) is nothing but the overlap.
        """
        return GradientForms(
            self.square, self.cross, np.where(purely_linear, 0.0, self.linear), np.zeros_like(self.overlap)
        )


def advance(state: LawState, forms: GradientForms, rule: Rule) -> LawState:
    """The state after one step; the rule is by law."""
    s, lam, a, c, d, e = rule.scale, rule.decay, rule.keep, rule.enter, rule.direct, rule.through
    r, eta = rule.shrink, rule.lr
    # Of g = s G + lam theta, where b(theta, G) = overlap of G - l(G) / 2.
    g_overlap = s * forms.overlap + lam * (state.square + state.linear / 2)
    g_linear = s * forms.linear + lam * state.linear
    g_square = s**2 * forms.square + 2 * s * lam * (forms.overlap - forms.linear / 2) + lam**2 * state.square
    m_g = s * forms.cross + lam * (state.overlap - state.buffer_linear / 2)
    # Of the new buffer m' = a m + c g, and b(g, m').
    m_overlap = a * state.overlap + c * g_overlap
    m_linear = a * state.buffer_linear + c * g_linear
    m_square = a**2 * state.buffer_square + 2 * a * c * m_g + c**2 * g_square
    g_m = a * m_g + c * g_square
    # Of the update u = d g + e m', and b(u, m').
    u_overlap = d * g_overlap + e * m_overlap
    u_linear = d * g_linear + e * m_linear
    u_square = d**2 * g_square + 2 * d * e * g_m + e**2 * m_square
    u_m = d * g_m + e * m_square
    return LawState(
        square=r**2 * state.square - 2 * r * eta * (u_overlap - u_linear / 2) + eta**2 * u_square,
        linear=r * state.linear - eta * u_linear,
        overlap=r * m_overlap + (1 - r) * m_linear / 2 - eta * u_m,
        buffer_square=m_square,
        buffer_linear=m_linear,
    )


def replay(start: LawState, steps: Iterable[tuple[GradientForms, Rule]]) -> FloatArray:
    """The laws, without their constants, along steps whose gradients are known by their forms: (steps + 1, laws)."""
    state, values = start, [start.value]
    for forms, rule in steps:
        state = advance(state, forms, rule)
        values.append(state.value)
    return np.stack(values)
