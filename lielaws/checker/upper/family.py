"""The vector fields of a network at probes, in any ring, and their nested brackets [X, Y] = DY.X - DX.Y."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from lielaws.checker.networks.flows import joined
from lielaws.checker.networks.network import Network
from lielaws.checker.numbers.jets import Jets, moved, parts
from lielaws.checker.upper.probes import Probes
from lielaws.errors import CertificateError

_DEEPEST = 16
"""of a word; the deepest brackets that a network was seen to need have nine fields"""

_CALL = 8000
"""an operation on small arrays, with its gradient, takes as long as so many products in large ones: ten microseconds"""

Word = int | list[Any]


@dataclass(frozen=True)
class Evidence:
    """Brackets at a point, as they stand in a certificate: in integers that are residues, or multiples of 1 / unit.

    constants : those that may have any value, by leaf
    point : the arrays of a state, with one sample
    """

    network: Network
    probes: Probes
    constants: Mapping[tuple[str, str], Any]
    unit: int
    point: list[Any]
    words: list[Word]

    def rows(self, ring: Any, which: Sequence[int]) -> Iterator[tuple[list[int], Any]]:
        """Some of the brackets in a ring, a few at a time: their places among all, and their values as rows."""
        jets, shapes = Jets(ring), self.network.flow.state_shapes
        state = [ring.integers(block, self.unit) for block in self.point]
        for form, places, probes in grouped([self.words[k] for k in which]):
            for part in self.network.batches(ring, len(places), "upper.brackets", level(form)):
                rows = joined(jets, self.bracket(jets, form, probes[part], state), shapes, len(probes[part]))
                yield [which[k] for k in places[part]], rows

    def field(self, jets: Jets, chosen: Any, state: list[Any]) -> list[Any]:
        """Those of the chosen probes, one for each sample, at a state; with a state of jets also the derivatives."""
        lift, probes = partial(jets.ring.integers, unit=self.unit), self.probes
        leaves = {leaf: lift(table[chosen]) for leaf, table in probes.data.items()}
        leaves |= {leaf: lift(table) for leaf, table in self.constants.items()} | self.network.true_values(jets.ring)
        values = self.network.values(jets, state, leaves, lambda j, _: lift(probes.gates[j][chosen]))
        cotangent, drift = lift(probes.cotangent[chosen]), lift(probes.drift[chosen])
        return self.network.field(jets, state, values, cotangent, drift)

    def bracket(self, jets: Jets, word: Word, chosen: Any, state: list[Any]) -> list[Any]:
        """Brackets of one form at a state. `word` has columns of `chosen`, (samples, fields), in place of probes."""
        if isinstance(word, int):
            return self.field(jets, chosen[:, word], state)
        first, second = word
        if cost(first) > cost(second):
            # The first is evaluated once more than the second.
            return [jets.scale(Fraction(-1), value) for value in self.bracket(jets, [second, first], chosen, state)]
        x = self.bracket(jets, first, chosen, state)
        y, y_along_x = parts(self.bracket(jets, second, chosen, moved(state, x)))
        _, x_along_y = parts(self.bracket(jets, first, chosen, moved(state, y)))
        return [jets.add(a, jets.scale(Fraction(-1), b)) for a, b in zip(y_along_x, x_along_y, strict=True)]


def cost(word: Word) -> int:
    """About the work of a word, in gradients of numbers: products of jets with n nilpotents take 3^n products."""
    if isinstance(word, int):
        return 1
    first, second = sorted(map(cost, word))
    return first + 3 * first + 3 * second


def calls(words: list[Word], network: Network) -> float:
    """The work of calling operations on arrays, whatever their size: once for all words of one form."""
    return _CALL * len(network.program.below_gates) * sum(cost(form) for form, _, _ in grouped(words))


def level(word: Word) -> int:
    """The nilpotents that a word needs."""
    return 0 if isinstance(word, int) else 1 + max(map(level, word))


def check_word(word: Any, where: str, probes: int, depth: int = 1) -> None:
    """Raises CertificateError unless it is the number of a probe, or a pair of words."""
    if type(word) is int and 0 <= word < probes:
        return
    if type(word) is not list or len(word) != 2 or depth > _DEEPEST:
        remedy = f"the number of one of {probes} probes, or a pair of such words, at most {_DEEPEST} deep, is needed"
        raise CertificateError(where, word, remedy)
    for side in word:
        check_word(side, where, probes, depth + 1)


def grouped(words: list[Word]) -> list[tuple[Word, list[int], Any]]:
    """Words of one form together: the form with columns in place of probes, the places of the words, their probes."""
    groups: dict[str, tuple[Word, list[int], list[list[int]]]] = {}
    for place, word in enumerate(words):
        probes: list[int] = []
        form = _form(word, probes)
        _, places, rows = groups.setdefault(str(form), (form, [], []))
        places.append(place)
        rows.append(probes)
    return [(form, places, np.array(rows, dtype=np.int64)) for form, places, rows in groups.values()]


def _form(word: Word, probes: list[int]) -> Word:
    if isinstance(word, int):
        probes.append(word)
        return len(probes) - 1
    return [_form(side, probes) for side in word]
