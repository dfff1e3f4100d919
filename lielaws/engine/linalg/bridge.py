"""The reduced row echelon form of a numpy array by FLINT.

Converting through Python lists costs more than the elimination of a small matrix. FLINT's own library is in the wheel
of python-flint, and its exported functions give a pointer to the entries of a matrix, so arrays can be copied directly;
the interpreter lock is released meanwhile. Of FLINT's struct nothing is assumed but that it fits in 256 bytes and has
its entries in one piece; where they are not, as in versions that swap rows by swapping pointers, the self-check fails.

`elimination` picks the way once a process: the direct one on 64-bit Linux if the library is found, has every function,
and passes the self-check against lists; lists otherwise. Direct is the faster one at every size.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import flint
import numpy as np

from lielaws.arraytypes import IntArray

Elimination = Callable[[IntArray, int], tuple[IntArray, int]]
"""(matrix, p) -> the reduced row echelon form, zero rows included, and the rank; at least one entry, all in [0, p)"""

_STRUCT_BYTES = 256
_WORD = 8
_LOADED_LIBRARIES = Path("/proc/self/maps")


@lru_cache(maxsize=1)
def elimination() -> Elimination:
    """The fastest way that works here."""
    return direct_elimination(find_library) or through_lists


def through_lists(matrix: IntArray, p: int) -> tuple[IntArray, int]:
    """Always works."""
    rows, columns = matrix.shape
    reduced, rank = flint.nmod_mat(rows, columns, matrix.ravel().tolist(), p).rref()
    entries = [int(entry) for entry in reduced.entries()]
    return np.array(entries, dtype=np.int64).reshape(matrix.shape), int(rank)


def direct_elimination(find: Callable[[], ctypes.CDLL | None]) -> Elimination | None:
    """Elimination in FLINT's own memory, or None where a library cannot be trusted with it."""
    try:
        library = find()
        direct = None if library is None else through_memory(library)
        return direct if direct is not None and _passes_self_check(direct) else None
    except (AttributeError, OSError, ctypes.ArgumentError):
        return None


def through_memory(library: ctypes.CDLL) -> Elimination:
    """Entries copied into FLINT's own memory. Raises AttributeError if the library lacks a function."""
    pointer, word, index = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int64
    make = _declare(library.nmod_mat_init, None, pointer, index, index, word)
    clear = _declare(library.nmod_mat_clear, None, pointer)
    address_of = _declare(library.nmod_mat_entry_ptr, pointer, pointer, index, index)
    reduce = _declare(library.nmod_mat_rref, index, pointer)

    def rref(matrix: IntArray, p: int) -> tuple[IntArray, int]:
        entries = np.array(matrix, dtype=np.int64, order="C")
        struct = ctypes.create_string_buffer(_STRUCT_BYTES)
        make(struct, *entries.shape, p)
        try:
            inside, outside = address_of(struct, 0, 0), entries.ctypes.data
            ctypes.memmove(inside, outside, entries.nbytes)
            rank = int(reduce(struct))
            ctypes.memmove(outside, inside, entries.nbytes)
        finally:
            clear(struct)
        return entries, rank

    return rref


def _declare(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype, function.argtypes = result, list(arguments)
    return function


def find_library() -> ctypes.CDLL | None:
    """The libflint that python-flint itself has loaded."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return None
    paths = [line.split(maxsplit=5)[-1] for line in _LOADED_LIBRARIES.read_text().splitlines()]
    return next((ctypes.CDLL(path) for path in paths if Path(path).name.startswith("libflint")), None)


def _passes_self_check(direct: Elimination) -> bool:
    """Agreement with lists on small matrices, among them ones whose elimination has to swap rows."""
    # The generator has its own fixed seed: the check says something about the library, not about a computation.
    p, rng = 2**31 - 1, np.random.default_rng(0)
    for shape in ((1, 1), (3, 7), (24, 13)):
        base = rng.integers(0, p, shape, dtype=np.int64)
        for matrix in (base, np.concatenate([base[:1] * 2 % p, base]), np.triu(base)[::-1].copy()):
            (found, rank), (expected, true) = direct(matrix, p), through_lists(matrix, p)
            if rank != true or not np.array_equal(found, expected):
                return False
    return True
