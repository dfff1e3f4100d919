"""Gates together with functions: when both can be told apart.

A function of a gated number would be related to others in its own way in each activation pattern; that is refused. A
gate whose argument contains functions is one with another if the arguments are proportional, which is looked at again
once the values of the functions are known to obey their relations.
"""

from __future__ import annotations

from lielaws.certificate.draws import drawing_ring
from lielaws.certificate.gates import Gates
from lielaws.certificate.lattices import unresolved
from lielaws.certificate.sharing import Sharing
from lielaws.certificate.tape import Tape, Wire, sources


def check_functions_of_gates(tape: Tape, output: Wire, gates: Gates) -> None:
    """Raises CertificateError if a function depends on a gate."""
    gated = set(gates.leaves)
    for wire, step in enumerate(tape.steps[: output + 1]):
        if gated.isdisjoint(sources(step)):
            continue
        if step[0] == "function":
            raise unresolved("functions of gated numbers are not supported so far")
        gated.add(wire)


def check_gates(gates: Gates, sharing: Sharing) -> None:
    """Raises CertificateError if two gates that pass as different have proportional arguments after all."""
    if not sharing.functions or len(gates.leaves) < 2:
        return
    ring = drawing_ring()
    first, second = sharing.draw(ring), sharing.draw(ring)
    seen = set()
    for wire in gates.arguments:
        a, b = first.values[wire], second.values[wire]
        if not a:
            raise unresolved("the argument of a gate vanishes at a random point")
        ratio = b * pow(a, -1, ring.prime) % ring.prime
        if ratio in seen:
            raise unresolved("two gates have proportional arguments because of relations between functions")
        seen.add(ratio)
