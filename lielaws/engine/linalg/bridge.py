"""Between numpy and FLINT's matrices modulo a prime.

Converting through Python lists costs more than computing a rank. FLINT's own library is in the wheel of python-flint,
and its exported functions give pointers to the entries of a matrix, so arrays can be copied directly; the interpreter
lock is released meanwhile. Nothing is assumed about FLINT's structs but that they fit in 256 bytes.

`route` picks the way once a process: the direct one on 64-bit Linux if the library is found, has every function, and
passes a self-check against the list route; the list route otherwise. Direct is the faster one at every size, since
the list route pays 100 ns an entry each way.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import flint
import numpy as np
import numpy.typing as npt

from lielaws.engine.linalg.primes import is_prime
from lielaws.errors import InvalidArgumentError

IntArray = npt.NDArray[np.int64]

_STRUCT_BYTES = 256
_WORD = 8
_CANARY = b"\xa5"
_LOADED_LIBRARIES = Path("/proc/self/maps")


class Route(Protocol):
    """What FLINT does for us. Matrices have at least one entry, all in [0, p); p passed `check_modulus`."""

    name: str

    def rank(self, matrix: IntArray, p: int) -> int: ...

    def rref(self, matrix: IntArray, p: int) -> tuple[IntArray, int]:
        """The reduced row echelon form, zero rows included, and the rank."""
        ...


class ListRoute:
    """Conversion through lists; always works."""

    name = "lists"

    def rank(self, matrix: IntArray, p: int) -> int:
        return int(_from_lists(matrix, p).rank())

    def rref(self, matrix: IntArray, p: int) -> tuple[IntArray, int]:
        reduced, rank = _from_lists(matrix, p).rref()
        entries = [int(entry) for entry in reduced.entries()]
        return np.array(entries, dtype=np.int64).reshape(matrix.shape), int(rank)


def _from_lists(matrix: IntArray, p: int) -> Any:
    return flint.nmod_mat(matrix.shape[0], matrix.shape[1], matrix.ravel().tolist(), p)


class DirectRoute:
    """Entries copied into FLINT's own memory. Raises AttributeError if the library lacks a function."""

    name = "direct"

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer, word, index = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int64
        self._init = _declare(library.nmod_mat_init, None, pointer, index, index, word)
        self._clear = _declare(library.nmod_mat_clear, None, pointer)
        self._entry = _declare(library.nmod_mat_entry_ptr, pointer, pointer, index, index)
        self._rank = _declare(library.nmod_mat_rank, index, pointer)
        self._rref = _declare(library.nmod_mat_rref, index, pointer)
        # Some versions swap rows by swapping pointers; where they do, a result is read row by row.
        self.keeps_rows_in_place = False

    def rank(self, matrix: IntArray, p: int) -> int:
        struct = self._load(matrix, p)
        try:
            return int(self._rank(struct))
        finally:
            self._clear(struct)

    def rref(self, matrix: IntArray, p: int) -> tuple[IntArray, int]:
        struct = self._load(matrix, p)
        try:
            rank = int(self._rref(struct))
            return self._read(struct, matrix.shape), rank
        finally:
            self._clear(struct)

    def row_addresses(self, struct: Any, rows: int) -> list[int]:
        return [self._entry(struct, i, 0) for i in range(rows)]

    def _load(self, matrix: IntArray, p: int) -> Any:
        source = np.ascontiguousarray(matrix, dtype=np.int64)
        struct = ctypes.create_string_buffer(_STRUCT_BYTES)
        self._init(struct, *source.shape, p)
        self._copy(struct, source, to_flint=True)
        return struct

    def _read(self, struct: Any, shape: tuple[int, ...]) -> IntArray:
        result = np.empty(shape, dtype=np.int64)
        self._copy(struct, result, to_flint=False)
        return result

    def _copy(self, struct: Any, array: IntArray, to_flint: bool) -> None:
        rows, width = array.shape[0], array.shape[1] * _WORD
        start = array.ctypes.data
        if self.keeps_rows_in_place:
            pairs: Iterable[tuple[int, int]] = [(self._entry(struct, 0, 0), start)]
            width *= rows
        else:
            pairs = zip(self.row_addresses(struct, rows), range(start, start + rows * width, width), strict=True)
        for inside, outside in pairs:
            ctypes.memmove(*((inside, outside) if to_flint else (outside, inside)), width)

    def inspect(self, matrix: IntArray, p: int) -> tuple[bool, bool]:
        """Whether the struct fits its buffer, and whether rows stay at equal distances through an elimination."""
        struct = ctypes.create_string_buffer(_CANARY * _STRUCT_BYTES, _STRUCT_BYTES)
        rows, columns = matrix.shape
        self._init(struct, rows, columns, p)
        try:
            self._copy(struct, matrix, to_flint=True)
            before = self.row_addresses(struct, rows)
            self._rref(struct)
            after = self.row_addresses(struct, rows)
        finally:
            self._clear(struct)
        half = _STRUCT_BYTES // 2
        even = [before[0] + i * columns * _WORD for i in range(rows)]
        return struct.raw[half:] == _CANARY * half, before == even == after


def _declare(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype, function.argtypes = result, list(arguments)
    return function


@lru_cache(maxsize=256)
def check_modulus(p: int) -> None:
    """FLINT aborts the whole process on some composite moduli, so none reaches it."""
    if not (2 < p < 2**31 and is_prime(p)):
        raise InvalidArgumentError("p", p, "must be an odd prime below 2^31")


@lru_cache(maxsize=1)
def route() -> Route:
    """The fastest route that works here."""
    return direct_route(find_library) or ListRoute()


def direct_route(find: Callable[[], ctypes.CDLL | None]) -> DirectRoute | None:
    """The direct route through a library, or None where it cannot be trusted."""
    try:
        library = find()
        direct = None if library is None else DirectRoute(library)
        return direct if direct is not None and _passes_self_check(direct) else None
    except (AttributeError, OSError, ctypes.ArgumentError):
        return None


def find_library() -> ctypes.CDLL | None:
    """The libflint that python-flint itself has loaded."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return None
    path = next(iter(_in_wheel() or _in_process()), None)
    return None if path is None else ctypes.CDLL(path)


def _in_wheel() -> list[str]:
    try:
        files = metadata.files("python-flint") or []
    except metadata.PackageNotFoundError:
        return []
    return [str(file.locate()) for file in files if file.name.startswith("libflint") and ".so" in file.name]


def _in_process() -> list[str]:
    """Where python-flint was built from source: the shared library its extension modules depend on."""
    lines = _LOADED_LIBRARIES.read_text().splitlines() if _LOADED_LIBRARIES.exists() else []
    names = [line.split(maxsplit=5)[-1] for line in lines]
    return [name for name in names if Path(name).name.startswith("libflint")]


def _passes_self_check(direct: DirectRoute) -> bool:
    """Agreement with the list route on small matrices, among them ones whose elimination has to swap rows."""
    p = 2**31 - 1
    lists = ListRoute()
    # The generator has its own fixed seed: the check says something about the library, not about a computation.
    examples = list(_examples(np.random.default_rng(0), p))
    inspections = [direct.inspect(matrix, p) for matrix in examples]
    if not all(fits for fits, _ in inspections):
        return False
    for in_place in {False, all(stays for _, stays in inspections)}:
        direct.keeps_rows_in_place = in_place
        if not all(_same(direct, lists, matrix, p) for matrix in examples):
            return False
    direct.keeps_rows_in_place = all(stays for _, stays in inspections)
    return True


def _same(direct: Route, lists: Route, matrix: IntArray, p: int) -> bool:
    reduced, rank = direct.rref(matrix, p)
    expected, expected_rank = lists.rref(matrix, p)
    return rank == expected_rank == direct.rank(matrix, p) and np.array_equal(reduced, expected)


def _examples(rng: np.random.Generator, p: int) -> Iterable[IntArray]:
    for rows, columns in ((1, 1), (3, 7), (24, 13)):
        base = rng.integers(0, p, (rows, columns), dtype=np.int64)
        yield base
        yield np.concatenate([base[:1] * 2 % p, base])
        yield np.triu(base)[::-1].copy()
