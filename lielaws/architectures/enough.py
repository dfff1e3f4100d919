"""Whether a network sees enough data in one sample for its laws to be those of more: tokens, batches, sequences.

The numbers were computed: with as many as are needed, more have the same count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TOKENS = 2
BATCH = 3


def shortages(spec: Mapping[str, Any] | None) -> list[str]:
    """What a spec has too few of, in words; empty if nothing, or if the network has no spec."""
    return list(dict.fromkeys(_shortages(spec or {})))


def _shortages(spec: Mapping[str, Any]) -> Iterator[str]:
    for inner in [*spec.get("blocks", ()), spec.get("block")] if spec.get("family") != "transformer" else ():
        if isinstance(inner, Mapping):
            yield from _shortages(inner)
    match spec.get("family"):
        case "attention":
            name = "cross" if spec.get("cross") else "tokens"
            yield from _tokens(name, spec.get(name, TOKENS))
        case "transformer_block" | "transformer":
            yield from _tokens("tokens", spec.get("tokens", TOKENS))
            yield from _vocabulary(spec, spec.get("sequences"))
        case "embedding":
            tokens = spec.get("token_ids") or [k % spec["vocabulary"] for k in range(spec.get("tokens", 3))]
            yield from _vocabulary(spec, [tokens])
        case "mlp" if spec.get("norm") == "batch" and spec.get("epsilon") is False and spec.get("batch", BATCH) < BATCH:
            yield (
                f"batch = {spec['batch']}: too small for the generic count, as two inputs are normalized to 1 and -1; "
                f"{BATCH} are needed and enough"
            )


def _tokens(name: str, count: Any) -> Iterator[str]:
    if isinstance(count, int) and count < TOKENS:
        yield (
            f"{name} = {count}: too few for the generic count, as attention then has nothing to choose from; "
            f"{TOKENS} are needed and enough"
        )


def _vocabulary(spec: Mapping[str, Any], sequences: Any) -> Iterator[str]:
    size = spec.get("vocabulary")
    if not isinstance(size, int) or sequences is None:
        return
    missing = sorted(set(range(size)) - {token for sequence in _read(sequences) for token in sequence})
    if missing:
        names = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        yield f"tokens {names} of the vocabulary of {size} do not occur, so what depends on them alone never moves"


def _read(sequences: Any) -> list[list[int]]:
    if isinstance(sequences, str):
        return [[int(token) for token in text.split()] for text in sequences.split(",")]
    return [list(sequence) for sequence in sequences]
