"""Modifications as texts, such as "prune:0.3": for the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from lielaws.errors import InvalidArgumentError, LieLawsError, nearest
from lielaws.modification.chain import GRADIENT_STEP, LOW_RANK, PRUNE, PRUNE_UNITS, QUANTIZE, RESCALE, Modification
from lielaws.modification.data import Data
from lielaws.modification.model import Model
from lielaws.modification.prune import prune, prune_units
from lielaws.modification.quantize import quantize
from lielaws.modification.rescale import rescale
from lielaws.modification.train import fine_tune
from lielaws.modification.truncate import truncate

# What stands after the colon: the name in the settings, and how it is read.
_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    PRUNE: ("share", float),
    PRUNE_UNITS: ("share", float),
    QUANTIZE: ("bits", int),
    LOW_RANK: ("rank", int),
    RESCALE: ("seed", int),
    GRADIENT_STEP: ("rate", float),
}
_RANGES: dict[str, tuple[float, float]] = {
    "share": (0, 1),
    "bits": (1, 32),
    "rank": (1, 2**31),
    "seed": (0, 2**63),
    "rate": (5e-324, sys.float_info.max),
}
EXAMPLES = "prune:0.3, prune_units:0.2, quantize:8, low_rank:4, rescale:0, gradient_step:0.1"


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """The word and the settings. A word of your own, without a number, is kept. Raises InvalidArgumentError."""
    word, colon, value = text.partition(":")
    word = word.strip()
    if word not in _VALUES:
        if colon or not word:
            raise InvalidArgumentError("done", text, f"{nearest(word, _VALUES)}; write it as in {EXAMPLES}")
        return word, {}
    name, read = _VALUES[word]
    if not colon:
        return word, {}
    try:
        number = read(value)
    except ValueError:
        raise InvalidArgumentError("done", text, f"after the colon {name} is needed, as in {EXAMPLES}") from None
    low, high = _RANGES[name]
    if not low <= number <= high:
        raise InvalidArgumentError("done", text, f"{name} must be from {low:g} to {high:g}, as in {EXAMPLES}")
    return word, {name: number}


def apply(text: str, model: Model, data: Data | None, loss: Any) -> Modification:
    """Make the modification that a text names."""
    word, settings = parse(text)
    if word not in _VALUES:
        raise InvalidArgumentError("modification", text, nearest(word, _VALUES))
    name = _VALUES[word][0]
    if word == RESCALE:
        return rescale(model, **settings)
    if name not in settings:
        raise InvalidArgumentError("modification", text, f"{name} is needed, as in {EXAMPLES}")
    value = settings[name]
    if word == GRADIENT_STEP:
        return fine_tune(model, data, loss, rate=value, steps=1)
    makers: dict[str, Callable[[Model, Any], Modification]] = {
        PRUNE: prune,
        PRUNE_UNITS: prune_units,
        QUANTIZE: quantize,
        LOW_RANK: truncate,
    }
    return makers[word](model, value)


def stated(text: str, before: Model, after: Model) -> Modification:
    """A modification between two given models, said to be what a text names.

    Where making it gives the same arrays, it comes with all its settings, such as the steps of a quantization.
    """
    word, settings = parse(text)
    if word in _VALUES and word != GRADIENT_STEP and (settings or word == RESCALE):
        try:
            made = apply(text, before, None, None)
        except LieLawsError:
            made = None
        if made is not None and all(np.array_equal(made.after.params[n], v) for n, v in after.params.items()):
            return Modification(before, after, word, made.settings)
    return Modification(before, after, word, settings)
