"""Whether patterns may be used where they are not shown: along a segment, or all of them together.

A field of a pattern is continued from where its data show it to where it is evaluated; there must be no singularity of
a root, a logarithm or a division on the way. Gates that are free are those of arguments which are proved to be
different.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from fractions import Fraction
from itertools import chain, compress, pairwise
from typing import Any

import numpy as np

from lielaws.checker.networks.flows import cut
from lielaws.checker.networks.gates import Gates
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves
from lielaws.checker.networks.signs import POSITIVE, ZERO, Signs
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import Ball, Balls, U
from lielaws.checker.numbers.jets import Jets, spread
from lielaws.checker.reading import Shape
from lielaws.errors import CertificateError

_TRIES = 8
"""pairs of points, of which some may be where a root does not exist"""
_FIRST_CUTS, _MOST_CUTS = 8, 4096
"""pieces of a segment: at first, as wide balls often do, and at most, where a singularity is as good as on it"""


def are_apart(network: Network, gates: Gates, budget: Budget) -> bool:
    """Whether arguments with different gates are proved not to be proportional.

    With free values of functions, equal numbers may look different: two real points, with any numbers as gates, tell.
    """
    for _ in range(_TRIES):
        budget.charge(2 * network.program.work * Balls.weight, "architecture", "its gates")
        ratios = _ratios(network, gates)
        if ratios is not None:
            return all(a[1] < b[0] for a, b in pairwise(sorted(ratios.values())))
    return False


def _ratios(network: Network, gates: Gates) -> dict[int, tuple[float, float]] | None:
    """The ends of an interval around the ratio of the arguments of each gate at two points, if all is defined there."""
    rng, ring = np.random.default_rng(secrets.randbits(128)), Balls()
    ends: dict[int, tuple[float, float]] = {}

    def drawn(shape: Shape) -> Any:
        return ring.integers(rng.integers(1, 2**20, (2, *shape)), 2**19)

    def gate(j: int, argument: Any) -> Any:
        if gates.fixed[j] is None:
            first, second = (ring.move(lambda x, k=k: spread(x, 2)[k : k + 1], argument) for k in (0, 1))
            ratio = ring.multiply(second, ring.inverse(first))
            # Twice the radius, and more than the ends are rounded.
            width = 2 * ratio.rad[0] + 4 * U * abs(ratio.mid[0])
            low, high = ratio.mid[0] - width, ratio.mid[0] + width
            ends.update(zip(gates.numbers[j].ravel().tolist(), zip(low, high, strict=True), strict=True))
        return drawn(network.pieces[j])

    leaves = {leaf: drawn(shape) for leaf, shape in network.program.leaves.items()}
    with ring.entered():
        network.program.forward(Jets(ring), leaves | network.true_values(ring), gate)
    return ends if ring.clear.all() else None


def is_singular(network: Network, own: Collection[tuple[str, str]] | None = None) -> bool:
    """Whether some root, logarithm or division is of a number that may vanish, as far as its structure tells.

    Of rational networks a power of the denominators clears the divisions.

    own : the tensors by which gates change, to ask whether a pattern may change near a singularity: then only what
        depends on these or on gates counts. sqrt((b x)^2) and the gate of b x belong together only where they come from
        one sign of b x.
    """
    steps, known = network.steps, Signs(network.steps)
    moved: set[int] = set()
    for k in network.program.below_gates:
        step = steps[k]
        leaf = step.op == "leaf" and own is not None and tuple(step.fixed) in own
        if leaf or step.op == "gate" or not moved.isdisjoint(step.inputs):
            moved.add(k)
        if own is not None and k not in moved:
            continue
        if step.op in ("sqrt", "log") and known[step.inputs[0]] != POSITIVE:
            return True
        if step.op == "reciprocal" and not network.is_rational and known[step.inputs[0]] & ZERO:
            return True
    return False


def _between(ring: Balls, a: Ball, b: Ball, along: Ball) -> Ball:
    """Around all points of some pieces of the segment from a to b."""
    part = ring.move(lambda x: x.reshape(-1, *[1] * (a.mid.ndim - 1)), along)
    return ring.add(a, ring.multiply(part, ring.add(b, ring.scale(Fraction(-1), a))))


def check_continuation(network: Network, start: Leaves, end: Leaves, pattern: Any, where: str, budget: Budget) -> None:
    """Raises CertificateError unless functions and divisions are analytic along the segment, with a sample at each end.

    In the pattern at the start, which is kept all along.
    """
    gates = [Balls().integers(gate) for gate in cut(pattern[None], network.pieces)]

    def undecided(some: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
        """Those of some pieces on which there may be a singularity."""
        ring, pieces = Balls(len(some)), np.array(some)
        # Balls as wide as a piece; these are dyadic, so that it is exact.
        along = Ball(pieces[:, 0] + pieces[:, 1] / 2, pieces[:, 1] / 2)
        with ring.entered():
            leaves = {leaf: _between(ring, a, end[leaf], along) for leaf, a in start.items()}
            network.program.forward(Jets(ring), leaves | network.true_values(ring), lambda j, _: gates[j])
        return compress(some, ~ring.clear)

    open_pieces = [(k / _FIRST_CUTS, 1 / _FIRST_CUTS) for k in range(_FIRST_CUTS)]
    while open_pieces:
        if len(open_pieces) > _MOST_CUTS or open_pieces[0][1] < 1 / _MOST_CUTS:
            raise CertificateError(where, "its pattern", "a root or logarithm may be singular on the way to the point")
        budget.charge(len(open_pieces) * network.program.work * Balls.weight, where, "the way to the point")
        parts = network.batches(Balls(), len(open_pieces), where)
        left = chain.from_iterable(undecided(open_pieces[part]) for part in parts)
        open_pieces = [(at + shift, width / 2) for at, width in left for shift in (0, width / 2)]
