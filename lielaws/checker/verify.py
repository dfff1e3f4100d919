"""The independent checker: whether what a certificate states is true.

It shares no code with the search. It rebuilds the network from the spec by its own reading (`blocks`, `layered`,
`written`) as a program over single numbers (`tape`), evaluates the brackets by its own jets (`jets`, `brackets`), and
checks the laws modulo primes that it draws itself after the file was read (`conserved`, `bounds`). How functions
such as exp are related it finds itself (`sharing`, `roots`), and holds the values in the file against it (`agreement`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.certificate.record import FORMAT, VERSION, Certificate
from lielaws.checker import reading
from lielaws.checker.bounds import Bounds
from lielaws.checker.brackets import check_upper
from lielaws.checker.conserved import check_lower
from lielaws.checker.networks import Network, build_network
from lielaws.checker.regions import Pattern, read_region
from lielaws.errors import CertificateError, LieLawsError

_LARGEST_FILE = 8 * 2**20
_LARGEST_DIMENSION = 10**6
_SECTIONS = frozenset(
    {"format", "version", "architecture", "setting", "dimension", "upper_bound", "lower_bound", "status", "hypotheses"}
) | {"upper", "lower", "versions"}

_LOSSES = ("any", "cross_entropy")
_FREE_GATES = "free gates: the laws of all activation patterns together; a single region may have more"
_GATES = ("free", "realizable")
_REGION = (
    "realizable gates: the region of one integer point, with the {count} activation patterns that 4000 data show "
    "there; the laws found are laws of the region if it has no other pattern"
)
_PATTERNS = (
    "activation patterns: functions of gated numbers are related in each pattern only as they are for gates of any "
    "value; the checker of the certificate looks at each pattern by itself"
)
_INDEPENDENT = (
    "upper bound only: values of functions are algebraically independent beyond the relations that were resolved "
    "(theorem of Ax for exponentials and logarithms, assumed for other functions)"
)


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer of the checker.

    valid : whether everything that the certificate states was checked to be true
    reasons : the statements that fail, and where; empty if it is valid
    """

    valid: bool
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.valid


def verify(certificate: Certificate | Mapping[str, Any]) -> Verification:
    """Check a certificate without trusting the library that made it. Never raises, whatever the content.

    The upper bound, and the independence of the laws, are then certain; that each law is one, and that no relation
    between functions such as exp was overlooked, has an error probability below 2^-100, over primes and points drawn by
    the checker. What it cannot decide, or not in about a minute, is not valid.
    """
    try:
        record = certificate.record if isinstance(certificate, Certificate) else certificate
        reasons = tuple(_failures(record))
    except LieLawsError as error:
        reasons = (str(error),)
    except Exception as error:  # noqa: BLE001  whatever foreign content brings about, it is no valid certificate
        reasons = (f"the certificate cannot be read ({type(error).__name__}: {' '.join(str(error).split())[:200]})",)
    return Verification(not reasons, reasons)


def verify_file(path: str | os.PathLike[str]) -> Verification:
    """The same for a file. What cannot be loaded is not valid."""
    try:
        found = os.stat(path)  # noqa: PTH116  it follows links and takes whatever `open` takes
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_FILE:
            raise CertificateError("path", str(path), f"a file of at most {_LARGEST_FILE >> 20} MB is needed")
        certificate = Certificate.load(path)
    except LieLawsError as error:
        return Verification(False, (str(error),))
    except (OSError, ValueError, TypeError, MemoryError) as error:
        return Verification(False, (str(CertificateError("path", str(path), f"cannot be read ({error})")),))
    return verify(certificate)


def _failures(foreign: Any) -> Iterator[str]:
    """What fails, section by section; an error in one section does not hide those of the others."""
    record = reading.table(reading.plain(foreign), "certificate", _SECTIONS, {"region"})
    _check_form(record)
    setting = record["setting"]
    network = build_network(record["architecture"], record["dimension"], setting["loss"], setting["flow"])
    bounds = Bounds(network.tape, network.potential, network.gates.leaves, network.sharing.rules, network.motion)
    region = _region(record, network)
    yield from _check_statement(record, network, region)
    try:
        check_upper(record["upper"], network, bounds, region)
    except LieLawsError as error:
        yield str(error)
    yield from check_lower(record["lower"], network, bounds, region)


def _region(record: dict[str, Any], network: Network) -> tuple[Pattern, ...] | None:
    """The activation patterns of a certificate about one region; None for free gates, or if there are none at all."""
    if record["setting"]["gates"] == "free" or not network.gates.pieces:
        if "region" in record:
            raise CertificateError("region", "a section", "there is none with free gates")
        return None
    if "region" not in record:
        raise CertificateError("setting.gates", "realizable", "the section region is missing")
    return read_region(record["region"], network)


def _check_form(record: dict[str, Any]) -> None:
    if record["format"] != FORMAT or type(record["version"]) is not int or record["version"] != VERSION:
        raise CertificateError("format", (record["format"], record["version"]), f"{FORMAT} {VERSION} is needed")
    for name in ("dimension", "upper_bound", "lower_bound"):
        reading.integer(record[name], name, 0, _LARGEST_DIMENSION)
    setting = reading.table(record["setting"], "setting", {"flow", "loss", "gates"})
    reading.choice(setting["loss"], "setting.loss", _LOSSES)
    reading.choice(setting["gates"], "setting.gates", _GATES)
    for name, version in reading.table(record["versions"], "versions").items():
        reading.text(version, f"versions.{name}")
    reading.table(record["upper"], "upper", {"prime", "point", "probes", "brackets", "rank"}, {"constants"})
    reading.table(record["lower"], "lower", {"laws", "independence", "verification"})


def _check_statement(record: dict[str, Any], network: Network, region: tuple[Pattern, ...] | None) -> Iterator[str]:
    """Whether the parts of the statement fit together."""
    laws = len(reading.items(record["lower"]["laws"], "lower.laws"))
    rank = reading.integer(record["upper"]["rank"], "upper.rank")
    lower, upper = record["lower_bound"], record["upper_bound"]
    if upper != record["dimension"] - rank:
        yield f"upper_bound = {upper}: the rank gives {record['dimension'] - rank}"
    if lower != laws:
        yield f"lower_bound = {lower}: there are {laws} laws"
    if lower > upper:
        yield f"lower_bound = {lower}: it is above the upper bound {upper}"
    status = "exact" if lower == upper else "gap"
    if record["status"] != status:
        yield str(CertificateError("status", record["status"], f"the bounds make it '{status}'"))
    needed = _hypotheses(network, region)
    # What is said about the patterns of gates in functions is looked at here, and need not be assumed.
    more = [_PATTERNS] if network.inner_gates else []
    if reading.items(record["hypotheses"], "hypotheses") not in (needed, needed + more):
        yield str(CertificateError("hypotheses", record["hypotheses"], f"exactly these are used: {needed}"))


def _hypotheses(network: Network, region: tuple[Pattern, ...] | None) -> list[str]:
    """What is assumed about a network, in words. Square roots are algebraic and need no assumption."""
    texts = [_FREE_GATES] if network.gates.pieces else []
    if region is not None:
        texts = [_REGION.format(count=len(region))]
    if any(kind != "sqrt" for kind, _ in network.functions):
        texts.append(_INDEPENDENT)
    if network.constants:
        names = ", ".join(network.constants)
        texts.append(f"generic constants: the statement holds for all but special values of {names}")
    return texts
