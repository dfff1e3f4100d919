"""Random changes of a certificate: of its values, of its structure, of its text, and of its statement."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

Record = dict[str, Any]
Place = tuple[Any, Any]
"""a container and a key or an index in it"""

NUMBERS = (0, 1, -1, 2, 3, 2**20, 2**31 - 1, 2**61 - 1, 2**62, 2**64, -(2**63), 10**30, 10**300, 10**4000)
FOREIGN = (None, True, False, "", "0", "1", "relu", "linear", [], {}, [0], [[]], 0.5, float("nan"), float("inf"))


def places(value: Any) -> Iterator[Place]:
    """All places in nested lists and tables."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in list(pairs):
        yield value, key
        yield from places(entry)


def _place(found: Record, generator: random.Random, kind: Any = object) -> Place | None:
    """A random place, every section as likely as the others; its value is of that kind."""
    sections = list(found)
    generator.shuffle(sections)
    for section in sections:
        chosen = [(found, section), *places(found[section])]
        chosen = [(box, key) for box, key in chosen if isinstance(box[key], kind)]
        if chosen:
            return generator.choice(chosen)
    return None


def number(found: Record, generator: random.Random) -> None:
    if place := _place(found, generator, int):
        box, key = place
        near = box[key] + generator.choice((-2, -1, 1, 2))
        box[key] = generator.choice((near, near, -box[key], generator.choice(NUMBERS), generator.randrange(2**31 - 1)))


def text(found: Record, generator: random.Random) -> None:
    if place := _place(found, generator, str):
        box, key = place
        other = _place(found, generator, str)
        swapped = other[0][other[1]] if other else "x"
        box[key] = generator.choice((box[key] + "x", box[key][:-1], box[key].upper(), swapped, "../../etc/passwd"))


def foreign(found: Record, generator: random.Random) -> None:
    if place := _place(found, generator):
        box, key = place
        box[key] = copy.deepcopy(generator.choice(FOREIGN))


def wrapped(found: Record, generator: random.Random) -> None:
    if place := _place(found, generator):
        box, key = place
        for _ in range(generator.choice((1, 1, 2, 50, 500))):
            box[key] = [box[key]]


def deleted(found: Record, generator: random.Random) -> None:
    if place := _place(found, generator):
        box, key = place
        del box[key]


def added(found: Record, generator: random.Random) -> None:
    if place := _place(found, generator, (dict, list)):
        box = place[0][place[1]]
        if isinstance(box, dict):
            box[generator.choice(("extra", "gate9", "pattern", "slope", "rank"))] = generator.choice(NUMBERS)
        else:
            box.insert(generator.randrange(len(box) + 1), copy.deepcopy(generator.choice([0, 1, *box])))


def swapped_neighbours(found: Record, generator: random.Random) -> None:
    if (place := _place(found, generator, list)) and len(box := place[0][place[1]]) > 1:
        i, j = generator.sample(range(len(box)), 2)
        box[i], box[j] = box[j], box[i]


def swapped_values(found: Record, generator: random.Random) -> None:
    first, second = _place(found, generator), _place(found, generator)
    if first and second:
        (a, i), (b, j) = first, second
        a[i], b[j] = copy.deepcopy(b[j]), copy.deepcopy(a[i])


def coefficient(found: Record, generator: random.Random) -> None:
    if laws := found["lower"]["laws"]:
        term = generator.choice(generator.choice(laws))
        term[0] = generator.choice((term[0] + 1, -term[0], term[0] * 3, 0, term[0] + _top(found)))


def coordinate(found: Record, generator: random.Random) -> None:
    if laws := found["lower"]["laws"]:
        term = generator.choice(generator.choice(laws))
        term[1] = [generator.randrange(found["dimension"]) for _ in range(generator.choice((0, 1, 2, 2, 3)))]


def word(found: Record, generator: random.Random) -> None:
    brackets, probes = found["upper"]["brackets"], len(found["upper"]["probes"])

    def drawn(depth: int) -> Any:
        if depth == 0 or generator.random() < 0.4:
            return generator.randrange(probes)
        return [drawn(depth - 1), drawn(depth - 1)]

    brackets[generator.randrange(len(brackets))] = drawn(generator.choice((1, 2, 3, 7)))


def _top(found: Record) -> int:
    """Numbers in the upper bound lie below this."""
    return found["upper"].get("prime") or 4 * found["upper"]["denominator"]


def _arrays(probe: Record) -> list[Any]:
    return [*probe["data"].values(), *probe.get("gates", {}).values(), probe["cotangent"]]


def member(found: Record, generator: random.Random) -> None:
    """Another vector field of the family, or of a larger one: new data, cotangents, gates, or another pattern."""
    probe = generator.choice(found["upper"]["probes"])
    if "pattern" in probe and generator.random() < 0.5:
        probe["pattern"] = generator.randrange(len(found["patterns"]) + 1)
        return
    chosen = generator.choice(_arrays(probe))
    top = generator.choice((2, _top(found)))
    chosen[:] = [generator.randrange(top) for _ in chosen]


def witness(found: Record, generator: random.Random) -> None:
    """Another point or other data for an activation pattern, or one less."""
    if "patterns" in found:
        if generator.random() < 0.3:
            found["patterns"].pop(generator.randrange(len(found["patterns"])))
            return
        chosen = generator.choice(found["patterns"])
        texts = generator.choice((chosen["point"], *chosen["data"].values()))
        texts[generator.randrange(len(texts))] = generator.choice(("0", "1", "-1/3", "7/2", "-100"))


def columns(found: Record, generator: random.Random) -> None:
    if chosen := found["upper"].get("columns"):
        chosen[generator.randrange(len(chosen))] = generator.randrange(found["dimension"])


def point(found: Record, generator: random.Random) -> None:
    box = generator.choice((found["upper"], found["lower"]["independence"]))
    top = generator.choice((1, 2, 1000, box.get("prime", 100)))
    box["point"] = [generator.randrange(top) for _ in box["point"]]


def prime(found: Record, generator: random.Random) -> None:
    box = generator.choice((found["upper"], found["lower"]["independence"]))
    key = "prime" if "prime" in box else "denominator"
    box[key] = generator.choice((2**31 - 19, 2**61 - 1, 2**31 + 11, 2**40, 3215031751, 65537, 2, 4, 128))


def spec(found: Record, generator: random.Random) -> None:
    """Another architecture, often of the same size."""
    architecture = found["architecture"]
    steps = architecture["steps"]
    step = generator.choice(steps)
    change = generator.choice(("name", "operation", "inputs", "fixed", "fixed", "drop", "repeat", "shape", "order"))
    if change == "name":
        architecture["name"] = generator.choice(("", "relu:2-3-2", "x" * 50))
    if change == "operation":
        step[0] = generator.choice(("exp", "sin", "sqrt", "log", "scale", "reciprocal", "power", "piecewise", "add"))
    if change == "inputs" and step[1]:
        step[1][generator.randrange(len(step[1]))] = generator.randrange(len(steps))
    if change == "fixed":
        step[2] = generator.choice(
            ("2", "-1", "1/2", 2, 3, ["0", "1"], ["-1", "1"], ["parameter", "W1"], None, [0], [1])
        )
    if change == "drop":
        steps.remove(step)
    if change == "repeat":
        steps.insert(generator.randrange(len(steps)), copy.deepcopy(step))
    if change == "shape" and step[3]:
        step[3][generator.randrange(len(step[3]))] += generator.choice((-1, 1))
    if change == "order":
        names = list(architecture["parameters"].items())
        generator.shuffle(names)
        architecture["parameters"] = dict(names)
    if generator.random() < 0.2:
        found["hypotheses"] = []


def statement(found: Record, generator: random.Random) -> None:
    """Other bounds, with whatever follows from them; some of these statements are weaker and true."""
    upper, lower = found["upper"], found["lower"]
    change = generator.choice(
        ("drop law", "drop bracket", "repeat law", "repeat bracket", "bounds", "add law", "all laws")
    )
    if change == "drop law" and lower["laws"]:
        lower["laws"].pop(generator.randrange(len(lower["laws"])))
    if change == "drop bracket":
        upper["brackets"].pop(generator.randrange(len(upper["brackets"])))
    if change == "repeat law" and lower["laws"]:
        lower["laws"].append([[3 * value, at] for value, at in generator.choice(lower["laws"])])
    if change == "repeat bracket":
        upper["brackets"].append(generator.choice(upper["brackets"]))
    if change == "add law":
        at = generator.randrange(found["dimension"])
        lower["laws"].append([[1, [at, at]], [-1, [generator.randrange(found["dimension"])] * 2]])
    if change == "all laws":
        lower["laws"], lower["verification"] = [], []
    if "columns" in upper and len(upper["columns"]) != len(upper["brackets"]):
        kept = upper["columns"][: len(upper["brackets"])]
        # An earlier change may have made a dimension of 2^62.
        others = [k for k in range(min(found["dimension"], 1000)) if k not in kept]
        generator.shuffle(others)
        upper["columns"] = kept + others[: len(upper["brackets"]) - len(kept)]
    _follow(found, len(upper["brackets"]) if change != "bounds" else upper["rank"] + generator.choice((-1, 1)))


def _follow(found: Record, rank: int) -> None:
    """Make the statement that follows from the rank and the laws."""
    found["upper"]["rank"] = rank
    found["upper_bound"] = found["dimension"] - rank
    found["lower_bound"] = len(found["lower"]["laws"])
    found["status"] = "exact" if found["lower_bound"] == found["upper_bound"] else "gap"


def forged(found: Record, generator: random.Random) -> None:
    """More members, with any gates, and a rank that would follow if they were in the family."""
    upper = found["upper"]
    for _ in range(generator.choice((0, 1, 1, 2))):
        probe = copy.deepcopy(generator.choice(upper["probes"]))
        upper["probes"].append(probe)
        upper["brackets"].append(len(upper["probes"]) - 1)
    for probe in upper["probes"]:
        for values in _arrays(probe):
            values[:] = [generator.randrange(_top(found)) for _ in values]
    found["lower"]["laws"] = found["lower"]["laws"][: found["dimension"] - len(upper["brackets"])]
    _follow(found, len(upper["brackets"]))


def hypotheses(found: Record, generator: random.Random) -> None:
    found["hypotheses"] = generator.choice(([], found["hypotheses"] * 2, ["free gates"], ["trust me"], "free gates"))


def sections(found: Record, generator: random.Random) -> None:
    first, second = generator.sample(sorted(found), 2)
    found[first], found[second] = found[second], found[first]


RECORD_CHANGES: tuple[Callable[[Record, random.Random], None], ...] = (
    number,
    number,
    text,
    foreign,
    wrapped,
    deleted,
    added,
    swapped_neighbours,
    swapped_values,
    coefficient,
    coordinate,
    word,
    member,
    witness,
    columns,
    point,
    prime,
    spec,
    spec,
    statement,
    statement,
    forged,
    hypotheses,
    sections,
)


def truncated(content: str, generator: random.Random) -> str:
    return content[: generator.randrange(len(content))]


def characters(content: str, generator: random.Random) -> str:
    at = generator.randrange(len(content))
    return (
        content[:at] + generator.choice('0123456789-.e"[]{},: x\\\0') + content[at + generator.choice((0, 1, 1, 20)) :]
    )


def digits(content: str, generator: random.Random) -> str:
    at = generator.choice([k for k, character in enumerate(content) if character.isdigit()])
    return content[:at] + generator.choice(("9" * 30, "9" * 5000, "-", "0", "1e9", "NaN", "7")) + content[at + 1 :]


def duplicate_key(content: str, generator: random.Random) -> str:
    key = generator.choice(("rank", "point", "laws", "prime", "steps", "dimension", "status", "x"))
    value = generator.choice(("0", "[]", '"exact"', "{}"))
    first, second = f'"{key}":', f'"{key}":{value},"{key}":'
    return content.replace(first, second, 1)


def nested(content: str, generator: random.Random) -> str:
    at = content.index("[", generator.randrange(len(content) // 2))
    depth = generator.choice((10, 100, 10_000))
    return content[:at] + "[" * depth + "]" * generator.choice((depth, depth - 1)) + content[at:]


TEXT_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    truncated,
    characters,
    characters,
    digits,
    digits,
    duplicate_key,
    nested,
)


def mutant(original: Record, generator: random.Random) -> str:
    """The text of a changed certificate."""
    found = copy.deepcopy(original)
    if generator.random() < 0.75:
        for _ in range(generator.choice((1, 1, 1, 1, 2, 3))):
            # What an earlier change has broken may not have the parts that a later one looks for.
            with suppress(Exception):
                generator.choice(RECORD_CHANGES)(found, generator)
        return json.dumps(found)
    return generator.choice(TEXT_CHANGES)(json.dumps(found, separators=(",", ":")), generator)
