"""Bounds on degrees and coefficients against rational functions that are written out."""

from __future__ import annotations

import math

import flint
import pytest

from lielaws import GradientFlow, mlp, transformer_block
from lielaws.engine.arithmetic.polynomials import Exact, each, objects
from lielaws.engine.arithmetic.ratios import Ratio
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.heights import Heights, bound_fields
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.laws.verify import evaluation_error
from lielaws.engine.linalg import as_fmpq

NETWORKS = {
    "reciprocals of a vector": lambda p, x, ops: 1 / (p.u + x),
    "squares of reciprocals": lambda p, x, ops: (1 / (p.u + x)) ** 2 + x,
    "sum of reciprocals": lambda p, x, ops: (p.u / (p.u + x)).sum() + 1 / (p.u + x).sum(),
    "quotients in quotients": lambda p, x, ops: 1 / (x / 3 + p.u / (1 + x**2)),
    "residual": lambda p, x, ops: x + p.u / (1 + x**2) + p.u / (2 + (x + p.u / (1 + x**2)) ** 2 / 5),
    "exponentials": lambda p, x, ops: ops.exp(p.u * x) * p.u + ops.exp(-(p.u * x)) / 3 + 1 / (1 + ops.exp(-x)),
    "shares": lambda p, x, ops: ops.exp(x) / ops.exp(x).sum() + p.u / (2 + ops.exp(x) * ops.exp(p.u)),
    "circle": lambda p, x, ops: (ops.cos(x) + ops.sin(-x) * p.u) ** 2 + 1 / (3 + ops.sin(x[0])),
    "moved": lambda p, x, ops: ops.concatenate([1 / (x + p.u), x[::-1]]) * ops.outer(p.u, x).reshape(4),
}


class _Drawn(Exact):
    """Fractions of polynomials, with values of functions as they are drawn: each a variable for an argument up to sign.

    Exponentials are v and 1 / v, cosine and sine (1 - t^2) / (1 + t^2) and 2 t / (1 + t^2).
    """

    def __init__(self, context, spare):
        one = context.constant(1)
        super().__init__(lambda number: Ratio(context.constant(as_fmpq(number)), one), Ratio.inverse)
        self.one, self.minus = self._number(1), self._number(-1)
        self._spare, self._known = (Ratio(symbol, one) for symbol in spare), []

    def variable(self, kind, argument):
        """The variable of an argument, and its sign."""
        for known, other, variable in self._known:
            for sign in (self.one, self.minus):
                if known == kind and (other * sign + argument * self.minus).above == 0:
                    return variable, sign
        self._known.append((kind, argument, next(self._spare)))
        return self._known[-1][2], self.one

    def exp(self, a, node):
        return each(lambda entry: self._exponential(*self.variable("exp", entry)), a)

    def _exponential(self, v, sign):
        return v if sign is self.one else v.inverse()

    def cos(self, a, node):
        return each(lambda entry: self._cosine(self.variable("circle", entry)[0]), a)

    def _cosine(self, t):
        return (self.one + self.minus * t * t) * (self.one + t * t).inverse()

    def sin(self, a, node):
        return each(lambda entry: self._sine(*self.variable("circle", entry)), a)

    def _sine(self, t, sign):
        return sign * (t + t) * (self.one + t * t).inverse()


@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_hold(name):
    output = trace(NETWORKS[name], {"u": (2,)}, {"x": (2,)}).output
    leaves = [node for node in ancestors([output]) if node.op == "leaf"]
    context = flint.fmpq_mpoly_ctx.get([f"z{k}" for k in range(12)], flint.Ordering.lex)
    first, spare = context.gens()[:4], context.gens()[4:]
    ring = _Drawn(context, spare)
    entries = iter([Ratio(symbol, context.constant(1)) for symbol in first])
    values = {leaf.static: objects([next(entries), next(entries)], (2,)) for leaf in leaves}
    (result,) = Program.of([output]).run(ring, values)
    bounds = bound_fields([output])
    heights = Heights([output])
    below = _common_denominator(heights, heights.together([output]), values, ring)
    assert below.above.total_degree() <= bounds.below_degree
    for entry in result.ravel():
        assert entry.below.total_degree() <= bounds.below_degree
        whole = entry * below
        assert whole.below.total_degree() == 0
        assert whole.above.total_degree() <= bounds.degree
        coefficients = [c / whole.below.to_dict()[(0,) * 12] for c in whole.above.to_dict().values()]
        assert all(c.q == 1 for c in coefficients)
        assert math.log2(max(1, sum(abs(int(c.p)) for c in coefficients))) <= bounds.log_norm + 1e-9


def _common_denominator(heights, joint, values, ring):
    """c prod q^e, with the numerators of all entries of what is inverted."""
    result = ring._number(joint.divisor)
    for (kind, serial), exponent in joint.below.items():
        node = next(node for node in heights.nodes if node.serial == serial)
        source = node.inputs[0] if kind == "exp" else node
        (inside,) = Program.of([source]).run(ring, values)
        for entry in inside.ravel():
            if kind == "reciprocal":
                q = entry * _common_denominator(heights, heights.of(node), values, ring)
            else:
                v = ring.variable(kind, entry)[0]
                q = v if kind == "exp" else ring.one + v * v
            result = result * q**exponent
    return result


def test_residual_sums():
    def degree(count):
        return bound_fields([trace(lambda p, x, ops: _blocks(p, x, count), {"w": (12,)}, {"x": ()}).output]).degree

    # Of x + w / (1 + x), nested, these are the degrees; values of functions start anew.
    assert [degree(count) for count in (2, 3, 4)] == [4, 8, 16]
    exponentials = trace(_squashed, {"w": (12,)}, {"x": ()}).output
    assert bound_fields([exponentials]).degree < 100


def _blocks(p, x, count):
    for k in range(count):
        x = x + p.w[k] / (1 + x)
    return x


def _squashed(p, x, ops):
    for k in range(12):
        x = x + p.w[k] * ops.sigmoid(x)
    return x


@pytest.mark.parametrize(
    ("architecture", "rounds"),
    [(mlp([2, 3, 1], "tanh"), 5), (mlp([3, 4, 2], "gelu", bias=True), 6), (transformer_block(4, 2, 2, 4), 9)],
)
def test_some_rounds_modulo_small_primes_are_enough(architecture, rounds):
    fields = vector_fields(GradientFlow(), architecture.potential)
    bounds = fields.bounds
    assert evaluation_error(bounds, 31) * rounds < -100


def test_drawn_values_count():
    """exp(a) and exp(-a) are v and 1 / v; v (1 / v) - 1 has degree two in both, and is zero."""
    output = trace(lambda p, x, ops: ops.exp(p.a * x) * ops.exp(-(p.a * x)), {"a": ()}, {"x": ()}).output
    assert bound_fields([output]).degree == 4
    circle = trace(lambda p, x, ops: ops.cos(x) ** 2 + ops.sin(x) ** 2, {}, {"x": ()}).output
    assert bound_fields([circle]).degree >= 4
