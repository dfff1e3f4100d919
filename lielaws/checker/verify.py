"""The independent checker: whether what a certificate states is true.

It shares no code with the search. It reads the network from its steps (`network`, `program`), evaluates brackets of its
vector fields by its own jets, modulo a prime or in enclosures of real numbers (`upper`, `balls`), and proves the laws
modulo primes that it draws itself after the file was read, with free values of functions (`lower`, `residues`). Which
activation patterns are meant it finds out itself (`gates`, `patterns`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.certificate.record import Certificate, check_format
from lielaws.checker import reading
from lielaws.checker.lower.lower import check_lower
from lielaws.checker.networks.gates import Gates, find_gates
from lielaws.checker.networks.network import Network, read_network
from lielaws.checker.networks.steps import FOR_BRACKETS, FOR_THEOREMS, Budget
from lielaws.checker.products.products import check_products
from lielaws.checker.units.units import check_units
from lielaws.checker.upper.patterns import read_region
from lielaws.checker.upper.upper import check_upper
from lielaws.errors import CertificateError, LieLawsError

_LARGEST_DIMENSION = 10**9
"""of a state; far above what can be checked, so that other limits say which part is too large"""
_SECTIONS = frozenset(
    {"format", "version", "architecture", "setting", "dimension", "upper_bound", "lower_bound", "status", "hypotheses"}
) | {"upper", "lower", "versions"}

_Theorem = Callable[[dict[str, Any], Network, Budget], Iterator[str]]
_THEOREMS: dict[str, _Theorem] = {"units": check_units, "products": check_products}
"""by how the upper bound is proved, if not by brackets"""

_LOSSES = {"any": "any loss", "cross_entropy": "cross-entropy loss"}
_GATES = {"free": "free gates", "realizable": "the gates of one region"}
_FREE_GATES = (
    "free gates: all activation patterns are taken together, whether or not data show each of them; a single region "
    "may have more laws"
)
_SHOWN_GATES = (
    "free gates: the laws of all activation patterns that data show at some parameters, taken together; a single "
    "region may have more"
)
_REGION = (
    "realizable gates: the region of one integer point, with the {count} activation patterns that data were seen to "
    "show there; the laws found are laws of the region if it has no other pattern"
)
_CONSTANTS = "generic constants: the statement holds for all but special values of {names}"


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer of the checker.

    valid : whether everything that the certificate states was checked to be true
    reasons : the statements that fail, and where; empty if it is valid
    subject : what was verified, in a sentence or two; empty if it is not valid
    """

    valid: bool
    reasons: tuple[str, ...] = ()
    subject: str = ""

    def __bool__(self) -> bool:
        return self.valid


def verify(certificate: Certificate | Mapping[str, Any] | str | os.PathLike[str]) -> Verification:
    """Check a certificate, or the file of one, without trusting the library that made it. Never raises.

    The upper bound, and the independence of the laws, are then certain; that each law is one has an error probability
    below 2^-100, over primes and points drawn by the checker. What it cannot decide, or not in a few minutes, is not
    valid.
    """
    try:
        loaded = Certificate.load(certificate) if isinstance(certificate, str | os.PathLike) else certificate
        return _verified(loaded.record if isinstance(loaded, Certificate) else loaded)
    except LieLawsError as error:
        return Verification(False, (str(error),))
    except Exception as error:  # noqa: BLE001  whatever foreign content brings about, it is no valid certificate
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return Verification(False, (f"the certificate cannot be read ({text})",))


def _verified(foreign: Any) -> Verification:
    """What fails, section by section; an error in one section does not hide those of the others."""
    plain = reading.plain(foreign)
    check_format(plain, "the record")
    record = reading.table(plain, "certificate", _SECTIONS, {"region", "patterns"})
    _check_form(record)
    setting, budget = record["setting"], Budget()
    theorem = _theorem(record)
    limits = FOR_BRACKETS if theorem is None else FOR_THEOREMS
    network = read_network(record["architecture"], setting["flow"], setting["loss"], budget, limits)
    if network.dimension != record["dimension"]:
        remedy = f"the architecture has {network.count} parameters, the state of its flow dimension {network.dimension}"
        raise CertificateError("dimension", record["dimension"], remedy)
    if theorem is not None:
        return _verified_by_theorem(record, network, theorem, budget)
    gates = find_gates(network.program, budget)
    region = _region(record, network, gates, budget)
    reasons = []
    try:
        check_upper(record["upper"], record.get("patterns"), network, gates, region, budget)
    except LieLawsError as error:
        reasons.append(str(error))
    if budget.left < 0:
        # Nothing is left for the laws, which would seem to be what is too large.
        return Verification(False, tuple(reasons))
    laws = len(reading.items(record["lower"]["laws"], "lower.laws"))
    reasons += _check_statement(record, laws, *_hypotheses(record, network, gates, region))
    reasons += check_lower(record["lower"], network, gates, region, budget)
    return Verification(not reasons, tuple(reasons), "" if reasons else _subject(record, network))


def _theorem(record: dict[str, Any]) -> _Theorem | None:
    """What checks a certificate that rests on a theorem; None for brackets."""
    return _THEOREMS.get(str(record["upper"].get("arithmetic")))


def _verified_by_theorem(record: dict[str, Any], network: Network, check: _Theorem, budget: Budget) -> Verification:
    """Of a network of a kind whose laws are known for all sizes."""
    if record["setting"]["gates"] != "free":
        raise CertificateError("setting.gates", record["setting"]["gates"], "theorems are for free gates")
    if unknown := sorted({"region", "patterns"} & record.keys()):
        raise CertificateError("certificate", unknown, "these sections are for brackets")
    reasons = list(check(record, network, budget))
    reasons += _check_statement(record, record["lower_bound"], [_FREE_GATES] * bool(network.pieces), [])
    return Verification(not reasons, tuple(reasons), "" if reasons else _subject(record, network))


def _region(record: dict[str, Any], network: Network, gates: Gates, budget: Budget) -> Any:
    """The activation patterns of a certificate about one region; None for free gates, or if there are none at all."""
    if record["setting"]["gates"] == "free" or not network.pieces:
        if "region" in record:
            raise CertificateError("region", "a section", "there is none with free gates")
        return None
    if "region" not in record:
        raise CertificateError("setting.gates", "realizable", "the section region is missing")
    if "patterns" in record:
        raise CertificateError("patterns", "a section", "there is none with realizable gates")
    return read_region(record["region"], network, gates, budget)


def _check_form(record: dict[str, Any]) -> None:
    for name in ("dimension", "upper_bound", "lower_bound"):
        reading.integer(record[name], name, 0, _LARGEST_DIMENSION)
    setting = reading.table(record["setting"], "setting", {"flow", "loss", "gates"})
    reading.choice(setting["loss"], "setting.loss", _LOSSES)
    reading.choice(setting["gates"], "setting.gates", _GATES)
    for name, version in reading.table(record["versions"], "versions").items():
        reading.text(version, f"versions.{name}")
    reading.integer(reading.table(record["upper"], "upper").get("rank"), "upper.rank", 0)
    if _theorem(record) is None:
        reading.table(record["lower"], "lower", {"laws", "independence", "verification"})


def _check_statement(record: dict[str, Any], laws: int, needed: list[str], spare: list[str]) -> Iterator[str]:
    """Whether the parts of the statement fit together.

    laws : how many are listed; needed : the hypotheses; spare : those that may be stated as well, for nothing
    """
    rank, lower, upper = record["upper"]["rank"], record["lower_bound"], record["upper_bound"]
    if upper != record["dimension"] - rank:
        yield f"upper_bound = {upper}: the rank gives {record['dimension'] - rank}"
    if lower != laws:
        yield f"lower_bound = {lower}: there are {laws} laws"
    if lower > upper:
        yield f"lower_bound = {lower}: it is above the upper bound {upper}"
    status = "exact" if lower == upper else "gap"
    if record["status"] != status:
        yield str(CertificateError("status", record["status"], f"the bounds make it '{status}'"))
    if [text for text in reading.items(record["hypotheses"], "hypotheses") if text not in spare] != needed:
        yield str(CertificateError("hypotheses", record["hypotheses"], f"exactly these are used: {needed}"))


def _hypotheses(record: dict[str, Any], network: Network, gates: Gates, region: Any) -> tuple[list[str], list[str]]:
    """What is assumed about a network, in words, and what may be said as well, for nothing.

    It depends on how the probes give their gates: where no bracket rests on free ones, to say which patterns are taken
    together says nothing.
    """
    probes = record["upper"].get("probes")
    keys = {key for probe in probes if isinstance(probe, dict) for key in probe} if isinstance(probes, list) else set()
    # Probes of sparse rows list gates.
    keys |= {"gates"} if "sparse" in record["upper"] else set()
    texts = []
    if region is not None:
        texts = [_REGION.format(count=len(region))]
    elif any(fixed is None for fixed in gates.fixed):
        texts = [_FREE_GATES] * ("gates" in keys) + [_SHOWN_GATES] * ("pattern" in keys)
    spare = [_FREE_GATES, _SHOWN_GATES] if network.pieces and not texts else []
    if network.generic:
        texts.append(_CONSTANTS.format(names=", ".join(network.generic)))
    return texts, spare


def _subject(record: dict[str, Any], network: Network) -> str:
    """What was verified, in two sentences."""
    upper, lower = record["upper_bound"], record["lower_bound"]
    gates = f", {_GATES[record['setting']['gates']]}" if network.pieces else ""
    end = "the list is complete" if lower == upper else "whether there are more is open"
    return (
        f"The network {network.name!r} with {network.count} parameters, {network.flow.name}, "
        f"{_LOSSES[record['setting']['loss']]}{gates}. "
        f"At most {upper} independent laws, {lower} verified: {end}."
    )
