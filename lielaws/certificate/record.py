"""The certificate: both bounds with their witnesses, in one JSON file with the same bytes for the same input."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lielaws.errors import CertificateError

FORMAT = "lielaws-certificate"
VERSION = 2
_OUTDATED = "version 1 is no longer read; discover again to get a certificate of version 2"
_LARGEST_FILE = 8 * 2**20


@dataclass(frozen=True)
class Certificate:
    """A statement about the laws of an architecture and what is needed to check it.

    record : plain values, as in the file
    """

    record: Mapping[str, Any] = field(repr=False)

    @property
    def status(self) -> str:
        """ "exact" if both bounds meet, else "gap"."""
        return str(self.record["status"])

    @property
    def lower_bound(self) -> int:
        """Number of verified independent laws."""
        return int(self.record["lower_bound"])

    @property
    def upper_bound(self) -> int:
        """At most so many independent laws exist."""
        return int(self.record["upper_bound"])

    @property
    def hypotheses(self) -> tuple[str, ...]:
        return tuple(self.record["hypotheses"])

    def to_json(self) -> str:
        return json.dumps(self.record, separators=(",", ":"), ensure_ascii=True) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file. Raises CertificateError if that is not possible."""
        try:
            Path(path).write_text(self.to_json(), encoding="ascii")
        except OSError as error:
            raise CertificateError(
                "path", str(path), f"the certificate cannot be written ({error.strerror})"
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read a file. Raises CertificateError, in one line, for anything that is not a certificate."""
        try:
            if Path(path).exists() and not Path(path).is_file():
                raise CertificateError("path", str(path), "a file is needed, and no folder, pipe or device")
            if Path(path).stat().st_size > _LARGEST_FILE:
                raise CertificateError("path", str(path), f"larger than {_LARGEST_FILE >> 20} MB; no certificate is")
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise CertificateError("path", str(path), f"cannot be read ({error.strerror})") from error
        except UnicodeDecodeError:
            raise CertificateError("path", str(path), "is not text; a certificate is a JSON file") from None
        return cls(parse_record(text, str(path)))


def parse_record(text: str, where: str) -> dict[str, Any]:
    """The record in a text, with the checks that reading it needs: JSON without duplicate keys, the right format."""
    try:
        record: Any = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CertificateError("certificate", where, f"is no valid JSON ({error})") from None
    check_format(record, where)
    missing = {"status", "lower_bound", "upper_bound", "hypotheses"} - record.keys()
    if missing:
        raise CertificateError("certificate", where, f"keys are missing: {', '.join(sorted(missing))}")
    return dict(record)


def check_format(record: Any, where: str) -> None:
    """Raises CertificateError unless a record says that it is a certificate of this version."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CertificateError("certificate", where, f'the key "format" must be "{FORMAT}"')
    version = record.get("version")
    if version == 1:
        raise CertificateError("certificate", where, _OUTDATED)
    if type(version) is not int or version != VERSION:
        raise CertificateError("certificate", where, f"version {version!r}; this library reads {VERSION}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"duplicate key {twice!r}")
    return dict(pairs)


def _refuse(token: str) -> Any:
    raise ValueError(f"{token} is not a number")
