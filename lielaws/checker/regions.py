"""The activation patterns of a region: those that exact data show at one rational point.

No argument of a gate may be zero there, so that each pattern persists for parameters nearby. That there are no others
in the region is assumed, and stated as a hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from lielaws.checker import reading
from lielaws.checker.networks import Network
from lielaws.checker.tape import Wire, compiled, evaluate
from lielaws.errors import CertificateError

Pattern = tuple[int, ...]

_MOST_PATTERNS = 4000
_MOST_WORK = 10**7
_MOST_BITS = 10_000


def read_region(stated: Any, network: Network) -> tuple[Pattern, ...]:
    """The patterns of the samples of a region, each as the values of all gates. Raises CertificateError."""
    reading.table(stated, "region", {"point", "samples"})
    if network.functions or network.constants:
        raise CertificateError("setting.gates", "realizable", "signs are known for rational networks only")
    samples = reading.items(stated["samples"], "region.samples")
    if not 0 < len(samples) <= _MOST_PATTERNS or len(samples) * network.tape.size > _MOST_WORK:
        raise CertificateError("region.samples", f"{len(samples)} samples", "too many or too few for this checker")
    point = _numbers(stated["point"], "region.point", network.parameters)
    found: dict[Pattern, int] = {}
    for k, sample in enumerate(samples):
        where = f"region.samples[{k}]"
        reading.table(sample, where, network.data)
        leaves = dict(point)
        for name, wires in network.data.items():
            leaves |= _numbers(sample[name], f"{where}.{name}", wires)
        pattern = _pattern(network, leaves, where)
        if found.setdefault(pattern, k) != k:
            raise CertificateError(where, "its activation pattern", f"sample {found[pattern]} has the same")
    return tuple(found)


def check_pattern(pattern: Pattern, region: Sequence[Pattern], where: str) -> None:
    """Raises CertificateError for a member of the family whose activation pattern no sample of the region shows."""
    if pattern not in region:
        raise CertificateError(where, pattern, "no sample of the region has this activation pattern")


def gates_of(region: Sequence[Pattern] | None, network: Network) -> Iterator[Mapping[Wire, int]]:
    """Values of gates: those of each pattern of a region, or none that are fixed."""
    if region is None:
        yield {}
        return
    for pattern in region:
        yield dict(zip(network.gates.leaves, pattern, strict=True))


def _numbers(values: Any, where: str, wires: Sequence[Wire]) -> dict[Wire, Fraction]:
    texts = reading.items(values, where, len(wires))
    return {
        wire: reading.rational(text, f"{where}[{k}]") for k, (wire, text) in enumerate(zip(wires, texts, strict=True))
    }


def _pattern(network: Network, leaves: Mapping[Wire, Fraction], where: str) -> Pattern:
    gates, ring = network.gates, _Rationals()
    argument = dict(zip(gates.leaves, gates.arguments, strict=True))
    values: list[Any] = []
    for wire, step in enumerate(network.tape.steps[: network.potential + 1]):
        if wire in argument:
            decides = values[argument[wire]]
            if not decides:
                raise CertificateError(where, "the argument of a gate", "it is zero, so that no pattern persists")
            values.append(Fraction(decides > 0))
        elif step[0] == "leaf":
            values.append(leaves.get(wire, Fraction(0)))
        else:
            try:
                values.append(evaluate(compiled(step, ring), values, ring))
            except ZeroDivisionError:
                raise CertificateError(where, "a denominator", "it vanishes there") from None
        if max(abs(values[-1].numerator), values[-1].denominator).bit_length() > _MOST_BITS:
            raise CertificateError(where, "its values", "too large for this checker")
    return tuple(int(values[leaf]) for leaf in gates.leaves)


class _Rationals:
    """The field of rational numbers."""

    def constant(self, value: Fraction) -> Fraction:
        return value

    def add(self, a: Fraction, b: Fraction) -> Fraction:
        return Fraction(a + b)

    def multiply(self, a: Fraction, b: Fraction) -> Fraction:
        return Fraction(a * b)

    def inverse(self, a: Fraction) -> Fraction:
        return 1 / a
