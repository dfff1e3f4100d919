"""The upper bound as it is written down: a point, vector fields as probes, and brackets as words over them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.floats import Floats
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.closure.growth import Growth, ModularGrowth, Words
from lielaws.engine.closure.real import RealGrowth
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.flows.reals import generic_constants
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.patterns import DENOMINATOR

Record = dict[str, Any]


def upper_section(fields: VectorFields, growth: Growth) -> Record:
    """The sections of a certificate that prove its upper bound: `upper`, and `patterns` where activation patterns are
    shown by data."""
    if isinstance(growth, ModularGrowth):
        writer = _Writer(fields, growth.at.prime, growth.at.vector[0, 0])
        constants = {leaf.name: array.ravel().tolist() for leaf, array in growth.at.constants.items()}
        numbers: Record = {"arithmetic": "modular", "prime": growth.at.prime}
        closing: Record = {"rank": growth.rank}
    else:
        assert isinstance(growth, RealGrowth)
        writer = _Writer(fields, None, growth.vector)
        constants = {name: array.tolist() for name, array in generic_constants(fields).items()}
        numbers = {"arithmetic": "real", "denominator": DENOMINATOR}
        closing = {"rank": growth.rank, "columns": growth.columns.tolist()}
    for words in growth.witnesses:
        writer.add(words)
    upper = {
        **numbers,
        "point": writer.point.tolist(),
        **({"constants": constants} if constants else {}),
        "probes": writer.probes,
        "brackets": writer.brackets,
        **closing,
    }
    return {"upper": upper} | ({"patterns": list(writer.patterns.values())} if writer.patterns else {})


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
