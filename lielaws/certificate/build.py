"""Builds the record from what a discovery computed. Nothing here is needed to check one.

The upper bound is written down as a point, vector fields as probes, and brackets as words over them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.certificate.record import FORMAT, VERSION, Certificate
from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.closure.growth import Growth, KnownGrowth, ModularGrowth, Words
from lielaws.engine.closure.real import RealGrowth
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.flows.reals import generic_constants
from lielaws.engine.graph.node import leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.graph.steps import graph_spec
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.laws.unit_laws import UnitLaws
from lielaws.engine.laws.verify import Verification
from lielaws.engine.linalg import EXPLORATION_PRIME, rank
from lielaws.engine.potential.patterns import DENOMINATOR, Patterns
from lielaws.engine.theorems.product_form import ProductForm
from lielaws.engine.theorems.product_laws import ProductLaws

Record = dict[str, Any]
_LIBRARIES = ("lielaws", "numpy", "python-flint", "scipy", "sympy")


def build_certificate(
    name: str,
    fields: VectorFields,
    setting: Mapping[str, Any],
    growth: Growth,
    laws: Sequence[Law],
    verifications: Sequence[Verification],
    hypotheses: Sequence[str],
    seed: int,
) -> Certificate:
    """The certificate of one discovery; deterministic in all its arguments."""
    dimension = fields.space.dimension
    upper = dimension - growth.rank
    if isinstance(laws, UnitLaws):
        sums = [list(some) for some in laws.classes.sums]
        lower: Record = {"laws": "units", "units": laws.classes.count, "sums": sums}
    elif isinstance(laws, ProductLaws):
        lower = {"laws": "products"}
    else:
        lower = _lower([law.polynomial for law in laws], verifications, dimension, seed)
    return Certificate(
        {
            "format": FORMAT,
            "version": VERSION,
            "architecture": graph_spec(name, fields.potential.traced),
            "setting": dict(setting),
            "dimension": dimension,
            "upper_bound": upper,
            "lower_bound": len(laws),
            "status": "exact" if upper == len(laws) else "gap",
            "hypotheses": list(hypotheses),
            **_region(fields.region),
            **_upper(fields, growth),
            "lower": lower,
            "versions": {name: _version(name) for name in _LIBRARIES},
        }
    )


def _lower(
    laws: Sequence[Polynomial], verifications: Sequence[Verification], dimension: int, seed: int
) -> dict[str, Any]:
    return {
        # Terms [coefficient, coordinates]; a coordinate is repeated for powers.
        "laws": [[[coefficient, list(monomial)] for monomial, coefficient in law.terms] for law in laws],
        "independence": _independence(laws, dimension, seed),
        "verification": [_verification(verification) for verification in verifications],
    }


def _region(patterns: Patterns | None) -> dict[str, Any]:
    """The point of a region, and data that show each of its activation patterns."""
    if patterns is None:
        return {}
    point = [number for array in patterns.points.values() for number in _written(array)]
    samples = [
        {name: _written(array[k : k + 1]) for name, array in patterns.samples.items()} for k in range(patterns.count)
    ]
    return {"region": {"point": point, "samples": samples}}


def _written(numerators: IntArray) -> list[str]:
    return [str(Fraction(number, DENOMINATOR)) for number in numerators.ravel().tolist()]


def _independence(laws: Sequence[Polynomial], dimension: int, seed: int) -> dict[str, Any]:
    """A point and a prime at which the gradients of the laws have full rank."""
    rng, prime = np.random.default_rng(seed), EXPLORATION_PRIME
    point = rng.integers(0, 1000, dimension, dtype=np.int64)
    while laws and rank(TermTable.of(laws, dimension).gradients(point, prime), prime) < len(laws):
        point = rng.integers(0, 1000, dimension, dtype=np.int64)
    return {"prime": prime, "point": point.tolist()}


def _verification(verification: Verification) -> dict[str, Any]:
    if verification.method == "expansion":
        return {"method": "expansion"}
    # Rounded towards zero, so that the bound stays one.
    return {"method": "evaluation", "rounds": verification.rounds, "error_log2": int(verification.error_log2)}


def _few(array: IntArray) -> list[list[int]]:
    """The places of entries other than zero, with their values."""
    flat = array.ravel()
    return [[place, int(flat[place])] for place in np.flatnonzero(flat).tolist()]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _upper(fields: VectorFields, growth: Growth) -> Record:
    """The section `upper`, and `patterns` where activation patterns are shown by data."""
    if isinstance(growth, KnownGrowth):
        return {"upper": _theorem(fields.theorem) | {"rank": growth.rank}}
    if isinstance(growth, ModularGrowth):
        numbers: Record = {"arithmetic": "modular", "prime": growth.at.prime}
        point, columns = growth.at.vector[0, 0], {}
        constants = {leaf.name: array for leaf, array in growth.at.constants.items()}
    else:
        assert isinstance(growth, RealGrowth)
        numbers = {"arithmetic": "real", "denominator": DENOMINATOR}
        point, columns = growth.vector, {"columns": growth.columns.tolist()}
        constants = dict(generic_constants(fields))
    writer = _Writer(fields, numbers.get("prime"), point)
    for words in growth.witnesses:
        writer.add(words)
    if isinstance(growth, ModularGrowth) and growth.sparse is not None:
        numbers["sparse"] = writer.sparse(growth)
    upper = {
        **numbers,
        "point": point.tolist(),
        **({"constants": {name: array.ravel().tolist() for name, array in constants.items()}} if constants else {}),
        "probes": writer.probes,
        "brackets": writer.brackets,
        "rank": growth.rank,
        **columns,
    }
    return {"upper": upper} | ({"patterns": list(writer.patterns.values())} if writer.patterns else {})


def _theorem(theorem: Any) -> Record:
    if not isinstance(theorem, ProductForm):
        return {"arithmetic": "units"}
    parts = {part: list(names) for part, names in theorem.parts}
    found: Record = {"arithmetic": "products", "form": theorem.kind, "parts": parts, "option": theorem.option}
    if theorem.clusters:
        found["clusters"] = [[list(profile), count] for profile, count in theorem.clusters]
    return found


@dataclass
class _Writer:
    """Collects probes, and each bracket as a nested word over them: 3 for X_3, [7, 3] for [X_7, X_3].

    prime : None for numerators of real numbers
    patterns : the witnesses of activation patterns, each once
    """

    fields: VectorFields
    prime: int | None
    point: IntArray
    probes: list[Record] = field(default_factory=list)
    brackets: list[Any] = field(default_factory=list)
    patterns: dict[str, Record] = field(default_factory=dict)

    def add(self, words: Words) -> None:
        numbers = []
        for choice in words:
            numbers.append(range(len(self.probes), len(self.probes) + choice.count))
            self.probes += self._probes(choice)
        for members in zip(*numbers, strict=True):
            word: Any = members[0]
            for outer in members[1:]:
                word = [outer, word]
            self.brackets.append(word)

    def sparse(self, growth: ModularGrowth) -> Record:
        """The gradients of single entries that are independent, by number, in an order in which they tell columns.

        Entry k of probe j has the number j times the count of entries plus k; places of probes have [place, value].
        """
        found, span = growth.sparse, growth.span
        assert found is not None
        assert span is not None
        used, position = np.unique(span.kept // found.size, return_inverse=True)
        numbers = dict(zip(span.kept.tolist(), (position * found.size + span.kept % found.size).tolist(), strict=True))
        told = len(found.peeling.rows)
        stages = [
            [[[numbers[row] for row in block] for block in stage.rows.tolist()], stage.columns.tolist()]
            for stage in found.peeling.stages
        ]
        nodes = [*self.fields.potential.traced.data.values(), *self.fields.potential.pieces]
        samples = {leaf: array[None, used] for leaf, array in found.samples.items()}
        samples |= {
            node.static: np.zeros((1, 1, *node.shape), dtype=np.int64)
            for node in leaves_of(nodes)
            if node.static not in samples
        }
        arrays = self._evaluate(nodes, Choice(samples, len(used)))
        names = [*self.fields.potential.traced.data, *(f"gate{j}" for j in range(len(self.fields.potential.pieces)))]
        few = [dict(zip(names, (_few(array[k]) for array in arrays), strict=True)) for k in range(len(used))]
        return {"probes": few, "stages": stages, "core": [numbers[row] for row in span.kept[told:].tolist()]}

    def _probes(self, choice: Choice) -> list[Record]:
        potential, count = self.fields.potential, choice.count
        inputs = potential.traced.data
        nodes = [potential.cotangent, *inputs.values(), *(() if self._shown else potential.pieces)]
        cotangents, *arrays = self._evaluate(nodes, choice)
        data = dict(zip(inputs, arrays, strict=False))
        pieces = arrays[len(data) :]
        drifts = next((values for leaf, values in choice.values.items() if leaf.role == "flow"), None)
        found = []
        for k in range(count):
            mine = {name: array[k] for name, array in data.items()}
            plain = {name: array.ravel().tolist() for name, array in mine.items()}
            probe: Record = {"data": plain, "cotangent": cotangents[k].ravel().tolist()}
            if self._shown:
                probe["pattern"] = self._pattern(choice, k, mine)
            else:
                probe["gates"] = {f"gate{j}": value[k].ravel().tolist() for j, value in enumerate(pieces)}
            if drifts is not None:
                probe["drift"] = int(drifts[0, k])
            found.append(probe)
        return found

    @property
    def _shown(self) -> bool:
        return self.fields.listed is not None and self.fields.region is None

    def _evaluate(self, nodes: Sequence[Any], choice: Choice) -> list[IntArray]:
        """Values of nodes that are affine in the leaves, for each vector field."""
        program = Program.of(nodes)
        if self.prime is not None:
            computed = [value[0] for value in program.run(Modular(self.prime), choice.values)]
        else:
            values = {leaf: array[0] / DENOMINATOR for leaf, array in choice.values.items()}
            computed = [np.rint(value * DENOMINATOR).astype(np.int64) for value in program.run(Floats(), values)]
        return [
            np.broadcast_to(value, (choice.count, *node.shape)) for value, node in zip(computed, nodes, strict=True)
        ]

    def _pattern(self, choice: Choice, k: int, data: Mapping[str, IntArray]) -> int:
        """The number of the witness of a pattern: what no gate depends on stays where the probe has it, and all does of
        a pattern that the probe itself shows."""
        patterns = self.fields.listed
        assert patterns is not None
        assert choice.patterns is not None
        number, space = int(choice.patterns[k]), self.fields.space

        def written(tables: Mapping[str, IntArray], name: str, own: IntArray) -> list[str]:
            if number >= 0 and name in tables:
                own = tables[name][number]
            elif self.prime is not None:
                own = np.full(own.shape, DENOMINATOR)
            return [f"{numerator}/{DENOMINATOR}" for numerator in own.ravel().tolist()]

        tensors = space.split(self.point)
        point = [entry for name in space.parameters for entry in written(patterns.points, name, tensors[name])]
        witness = {"point": point, "data": {name: written(patterns.samples, name, own) for name, own in data.items()}}
        key = json.dumps(witness)
        self.patterns.setdefault(key, witness)
        return list(self.patterns).index(key)
