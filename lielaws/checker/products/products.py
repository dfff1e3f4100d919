"""The check of a certificate that rests on a normal form: the network is that function, and theorems count its laws.

That both are one function is an identity. It is evaluated at random points modulo primes that nobody could foresee,
with free values of functions, as often as it takes for an error below 2^-100.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from lielaws.checker import reading
from lielaws.checker.lower.bounds import Bounds
from lielaws.checker.lower.laws import ERROR_EXPONENT
from lielaws.checker.lower.points import attempted
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Program
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.checker.products.forms import Writer, read_form
from lielaws.errors import CertificateError

_BYTES, _MOST_BYTES = 64, 2 * 10**9
"""of a number of a hundred bits in an array, and of all parameters and the largest array"""
_LARGEST_ERROR = -5
"""log2 of the error of one evaluation; above it, the identity has a degree near the primes"""


def check_products(record: dict[str, Any], network: Network, budget: Budget) -> Iterator[str]:
    """The statements that fail. Raises CertificateError if the network is no such function."""
    upper = reading.table(record["upper"], "upper", {"arithmetic", "form", "parts", "option", "rank"}, {"clusters"})
    reading.choice(reading.table(record["lower"], "lower", {"laws"})["laws"], "lower.laws", {"products"})
    if network.flow.kind != "gradient" or network.row:
        raise CertificateError("setting", record["setting"], "forms are counted for gradient flow and any loss")
    if network.pieces or network.generic:
        raise CertificateError("upper.arithmetic", "products", "the network has gates or generic constants")
    if (upper["form"] == "chain") != ("clusters" in upper):
        raise CertificateError("upper.clusters", upper["form"], "chains have clusters, and other forms have none")
    form = read_form(upper, network, budget)
    _check_identity(network, Writer(network, form).output(), budget)
    rank = network.dimension - form.laws - form.missing
    if reading.integer(upper["rank"], "upper.rank", 0) != rank:
        yield f"upper.rank = {upper['rank']}: brackets of this form have rank {rank}"
    if record["lower_bound"] != form.laws:
        yield f"lower_bound = {record['lower_bound']}: there are {form.laws} laws"


def _check_identity(network: Network, reference: int, budget: Budget) -> None:
    """Raises CertificateError unless the network and the reference are one function."""
    steps, output = network.steps, network.program.output
    if reference == output:
        return
    negative = steps.scale(Fraction(-1), reference)
    difference = steps.put("add", [min(output, negative), max(output, negative)], None, steps.shape(output))
    program = Program(steps, difference)
    bounds = Bounds(program, network.flow)
    error = bounds.round_error(1, 1)
    if error > _LARGEST_ERROR:
        raise CertificateError("upper.form", network.name, "degrees are too large to check the identity")
    largest = max(steps[k].size for k in program.needed)
    if (network.count + largest) * _BYTES > _MOST_BYTES:
        raise CertificateError("upper.form", network.name, f"more than {_MOST_BYTES:,} bytes are not checked")
    for _ in range(math.ceil((ERROR_EXPONENT + 1) / -error)):
        ring = Residues(random_prime(bounds.bits))
        # The work of a program is that of its gradient as well, four times as much.
        budget.charge(program.work * ring.weight / 4, "upper.form", "the identity")
        if not attempted(partial(_vanishes, program, ring)):
            raise CertificateError("upper.form", network.name, "the network is another function")


def _vanishes(program: Program, ring: Residues) -> bool:
    leaves: dict[tuple[str, str], Any] = {}
    for leaf, shape in program.leaves.items():
        if leaf[0] == "constant":
            # An identity over Q holds for any value of what is transcendental, and for both roots of two.
            value = ring.root(2) if leaf[1] == "sqrt_two" else int(ring.random((1,))[0])
            leaves[leaf] = ring.array([value or 0] * math.prod(shape), (1, *shape))
        else:
            leaves[leaf] = ring.many((1, *shape))
    return not program.output_alone(Jets(ring), leaves).any()
