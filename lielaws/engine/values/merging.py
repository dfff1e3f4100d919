"""Samples that were drawn in several pieces, as one draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import Bases
from lielaws.engine.values.draws import Draw, FreeValues

IntArray = npt.NDArray[np.int64]

Piece = tuple[IntArray, Draw, Bases]
"""the numbers of some samples, with these"""


def merged(pieces: Sequence[Piece], count: int) -> tuple[Draw, Bases]:
    """The samples of several draws in one."""
    first = pieces[0][1]
    leaves = {
        leaf: _joined([(chosen, draw.leaves[leaf]) for chosen, draw, _ in pieces], count) for leaf in first.leaves
    }
    bases: dict[int, Any] = {}
    for serial, value in pieces[0][2].items():
        if not all(serial in base for _, _, base in pieces):
            # A value that only the sign of some root asked for.
            continue
        if isinstance(value, tuple):
            bases[serial] = tuple(
                _joined([(chosen, base[serial][part]) for chosen, _, base in pieces], count) for part in (0, 1)
            )
        else:
            bases[serial] = _joined([(chosen, base[serial]) for chosen, _, base in pieces], count)
    # Free values differ in number from pattern to pattern; they have served their purpose.
    return Draw(leaves, FreeValues({}), count), bases


def _joined(parts: Sequence[tuple[IntArray, IntArray]], count: int) -> IntArray:
    sample = parts[0][1]
    whole = np.zeros((1, count, *sample.shape[2:]), dtype=sample.dtype)
    for chosen, array in parts:
        whole[:, chosen] = array
    return whole
