"""Named arrays in .npz files; nothing in them is ever executed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.errors import InvalidArgumentError
from lielaws.modification.model import checked_params

_MOST_BYTES = 4 * 2**30


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write named arrays. Raises InvalidArgumentError if that is not possible."""
    checked = checked_params("arrays", arrays)
    _check_path(path)
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in checked.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asarray(value, order="C"), allow_pickle=False)
    except OSError as error:
        raise InvalidArgumentError("path", str(path), f"cannot be written ({error.strerror})") from error


def load_arrays(path: str | os.PathLike[str], names: Mapping[str, Any] | tuple[str, ...] = ()) -> dict[str, FloatArray]:
    """The arrays of an .npz file.

    names : those that must be there

    Raises InvalidArgumentError for a file that is missing or of another format, for arrays of Python objects, which
    would have to be executed, and for names that are missing.
    """
    _check_path(path)
    try:
        if not zipfile.is_zipfile(path):
            if not Path(path).is_file():
                raise InvalidArgumentError("path", str(path), "there is no such file; check the path")
            raise InvalidArgumentError("path", str(path), "this is no .npz file; write one with numpy.savez")
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise InvalidArgumentError("path", str(path), f"it holds more than {_MOST_BYTES >> 30} GB")
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        reason = " ".join(str(error).split())[:120]
        raise InvalidArgumentError("path", str(path), f"it cannot be read as arrays of numbers ({reason})") from None
    except MemoryError:
        raise InvalidArgumentError("path", str(path), "its arrays do not fit in memory") from None
    for name, value in found.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            kind = f"array of {value.dtype}" if isinstance(value, np.ndarray) else "something else than an array"
            raise InvalidArgumentError(f"'{name}' in {path}", kind, "real numbers are needed")
    missing = [name for name in names if name not in found]
    if missing:
        there = ", ".join(found) or "nothing"
        raise InvalidArgumentError("path", str(path), f"the array '{missing[0]}' is missing; it holds {there}")
    return found


def _check_path(path: object) -> None:
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise InvalidArgumentError("path", path, "the path of a file is needed")
