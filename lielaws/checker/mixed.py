"""Gates together with functions.

Laws are checked for arbitrary numbers in place of gates, and hold for 0 and 1 then; but the values of functions of
gated numbers are related in each activation pattern in a way of its own, see `patterns`. A gate whose argument contains
functions is one with another if the arguments are proportional, which is looked at again once the values of the
functions are known to obey their relations.
"""

from __future__ import annotations

from lielaws.checker.draws import drawing_ring
from lielaws.checker.gates import Gates
from lielaws.checker.lattices import unresolved
from lielaws.checker.sharing import Sharing
from lielaws.checker.tape import Tape, Wire, sources


def gates_in_functions(tape: Tape, output: Wire, gates: Gates) -> list[Wire]:
    """The leaves of the gates that some function depends on."""
    inside: set[Wire] = set()
    for wire in range(output, -1, -1):
        step = tape.steps[wire]
        if step[0] == "function" or wire in inside:
            inside.update(sources(step))
    return [leaf for leaf in gates.leaves if leaf in inside]


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
