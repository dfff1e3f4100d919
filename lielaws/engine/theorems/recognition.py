"""Finds the normal form of a network: parts are guessed from shapes, and proved by evaluation.

That the network is the normal form is an identity of functions. It is evaluated at random points modulo random primes,
with free values of functions, as laws are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import permutations

import numpy as np

from lielaws.engine.arithmetic.modular import Modular, retried
from lielaws.engine.flows.heights import bound_fields
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Node, ancestors, leaves_of
from lielaws.engine.graph.primitives import add, scale
from lielaws.engine.graph.program import Program
from lielaws.engine.laws.verify import plan_rounds
from lielaws.engine.linalg import modular, random_prime
from lielaws.engine.theorems.clusters import chain_ranks, clusters
from lielaws.engine.theorems.product_form import ProductForm
from lielaws.engine.values.free import FreeFunctions
from lielaws.errors import ExactnessError

_Names = tuple[str, ...]
# Activations of gated units whose values and slopes are independent functions.
_ACTIVATIONS = ("silu", "gelu", "sigmoid", "tanh")


def product_form(traced: Traced, rng: np.random.Generator) -> ProductForm | None:
    """The normal form of a network; None if it has none of those that are known."""
    shapes = {name: leaf.shape for name, leaf in traced.parameters.items()}
    if len(traced.data) != 1 or any(len(shape) != 2 for shape in shapes.values()):
        return None
    (data,) = (leaf.shape for leaf in traced.data.values())
    for form in _candidates(traced, shapes, data):
        reference = form.reference(traced)
        if reference.shape == traced.output.shape and _are_equal(traced.output, reference, rng):
            return _with_clusters(form, rng) if form.kind == "chain" else form
    return None


def _with_clusters(form: ProductForm, rng: np.random.Generator) -> ProductForm | None:
    """With the clusters that show the largest rank; None if no direct sum has laws that are independent."""
    found = []
    for kinds in clusters(form.widths):
        blocks = chain_ranks(kinds, rng)
        if blocks.laws == form.count:
            found.append(replace(form, clusters=tuple(kinds.items()), missing=blocks.missing))
        if not blocks.missing:
            break
    return min(found, key=lambda form: form.missing, default=None)


def _candidates(traced: Traced, shapes: dict[str, tuple[int, ...]], data: tuple[int, ...]) -> Iterator[ProductForm]:
    named, operations = tuple(shapes.items()), {node.op for node in ancestors([traced.output])}
    if "piecewise" in operations:
        return
    if len(data) == 1 and len(shapes) == 2:
        for u, v in permutations(shapes):
            if shapes[u][1:] == data and shapes[v][1] == shapes[u][0] and shapes[v][:1] == traced.output.shape:
                yield ProductForm("pair", (("U", (u,)), ("V", (v,))), named)
    if len(data) == 1 and len(shapes) > 2:
        for names in _orders(ancestors([traced.output]), shapes, data):
            yield ProductForm("chain", (("W", names),), named)
    if len(data) == 1 and len(shapes) == 3 and operations & {"exp", "gauss"}:
        for a, b, c in permutations(shapes):
            if shapes[a] == shapes[b] and shapes[b][1:] == data and shapes[c] == (*traced.output.shape, shapes[b][0]):
                for activation in _ACTIVATIONS:
                    yield ProductForm("gated unit", (("A", (a,)), ("B", (b,)), ("C", (c,))), named, activation)
    if len(data) == 2 and data[0] > 1 and "exp" in operations and traced.output.shape == data:
        yield from _heads(traced, shapes, data[1])


def _orders(nodes: Sequence[Node], shapes: dict[str, tuple[int, ...]], before: tuple[int, ...]) -> Iterator[_Names]:
    """The order in which matrices are used, from the data on or from the output back, if they can follow each other."""
    sources = [source for node in nodes for source in node.inputs if source.op == "leaf"]
    used = [leaf.static.name for leaf in sources if leaf.static.role == "parameter"]
    for names in (tuple(dict.fromkeys(used)), tuple(dict.fromkeys(reversed(used)))):
        inputs = [before, *(shapes[name][:1] for name in names)]
        if len(names) == len(shapes) and all(shapes[name][1:] == n for name, n in zip(names, inputs, strict=False)):
            yield names


def _heads(traced: Traced, shapes: dict[str, tuple[int, ...]], width: int) -> Iterator[ProductForm]:
    """Queries and keys are inside of exponentials, values and output matrices are not; heads have the same order."""
    if any(shape[1] != width for shape in shapes.values()):
        return
    exponentials = [node for node in ancestors([traced.output]) if node.op == "exp"]
    inside = {leaf.static.name for leaf in leaves_of(exponentials) if leaf.static.role == "parameter"}
    logits, values = [n for n in shapes if n in inside], [n for n in shapes if n not in inside]
    if len(logits) != len(values) or len({shapes[n] for n in logits}) > 1 or len({shapes[n] for n in values}) > 1:
        return
    for heads in range((len(logits) + 1) // 2, len(logits)):
        groups = len(logits) - heads
        for q, k in ((logits[:heads], logits[heads:]), (logits[groups:], logits[:groups])):
            for v, o in ((values[:groups], values[groups:]), (values[heads:], values[:heads])):
                parts = (("Q", tuple(q)), ("K", tuple(k)), ("V", tuple(v)), ("O", tuple(o)))
                for option in ("", "causal"):
                    yield ProductForm("attention", parts, tuple(shapes.items()), option)


def _are_equal(first: Node, second: Node, rng: np.random.Generator) -> bool:
    """Whether two arrays are equal as functions. "Yes" is wrong with a probability below 2^-100, "no" is a guess."""
    if first is second:
        return True
    difference = add(first, scale(-1, second))
    program, leaves = Program.of([difference]), leaves_of([difference])

    def vanishes(bits: int) -> bool:
        # Of thousands of denominators one vanishes now and then.
        return retried(lambda: _vanishes(program, leaves, rng, bits), "the network has no value at random points")

    with suppress(ExactnessError):
        if vanishes(31):
            rounds = plan_rounds(bound_fields((difference,)), first.size)
            return rounds is not None and all(vanishes(rounds.bits) for _ in range(rounds.count))
    return False


def _vanishes(program: Program, leaves: list[Node], rng: np.random.Generator, bits: int) -> bool:
    prime = random_prime(rng, 2**bits, 2 ** (bits - 1), with_roots=True)
    values = {leaf.static: modular.residues(rng, prime, (1, 1, *leaf.shape)) for leaf in leaves}
    arithmetic = Modular(prime, FreeFunctions.draw(rng, prime))
    (found,) = program.run(arithmetic, values)
    return not found.any()
