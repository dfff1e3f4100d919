"""Whether a network sees enough data in one sample for its laws to be those of more: tokens, batches, sequences.

The numbers were computed: with as many as are needed, more have the same count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

TOKENS = 2
BATCH = 3


def shortages(spec: Mapping[str, Any] | None) -> list[str]:
    """What a spec has too few of, in words; empty if nothing, or if the network has no spec."""
    return list(dict.fromkeys(_shortages(spec or {})))


def _shortages(spec: Mapping[str, Any]) -> Iterator[str]:
    family, tokens = spec.get("family"), spec.get("tokens", TOKENS)
    for inner in [*spec.get("blocks", ()), spec.get("block")] if family != "transformer" else ():
        if isinstance(inner, Mapping):
            yield from _shortages(inner)
    if family in ("attention", "transformer_block", "transformer"):
        name, count = ("cross", spec["cross"]) if spec.get("cross") else ("tokens", tokens)
        if isinstance(count, int) and count < TOKENS:
            reason = "too few for the generic count, as attention then has nothing to choose from"
            yield f"{name} = {count}: {reason}; {TOKENS} are needed and enough"
    if family == "transformer" and (text := spec.get("sequences")):
        yield from _unused(spec["vocabulary"], map(int, text.replace(",", " ").split()))
    if family == "embedding":
        used = spec.get("token_ids") or range(min(spec.get("tokens", 3), spec["vocabulary"]))
        yield from _unused(spec["vocabulary"], used)
    exact = family == "mlp" and spec.get("norm") == "batch" and spec.get("epsilon") is False
    if exact and (count := spec.get("batch", BATCH)) < BATCH:
        reason = "too small for the generic count, as two inputs are normalized to 1 and -1"
        yield f"batch = {count}: {reason}; {BATCH} are needed and enough"


def _unused(vocabulary: int, used: Iterable[int]) -> Iterator[str]:
    if missing := sorted(set(range(vocabulary)) - set(used)):
        names = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        result = "do not occur, so what depends on them alone never moves"
        yield f"tokens {names} of the vocabulary of {vocabulary} {result}"
