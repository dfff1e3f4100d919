"""What a certificate says: clauses, each with the numbers on both sides, a verdict and a status."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lielaws.errors import CertificateError, InvalidArgumentError, nearest
from lielaws.modification.clause_rows import CORE, Clause
from lielaws.modification.conservation_file import FORMAT, VERSION, read_parts

_LARGEST_FILE = 64 * 2**20  # bytes; a row takes some 200, and no chain has 300,000


@dataclass(frozen=True, eq=False)
class ConservationCertificate:
    """What holds of a chain of modifications, clause by clause.

    clauses : in the order of the statement
    modifications : what was done, in order
    settings : tolerances and choices that the clauses used, as plain values
    """

    clauses: tuple[Clause, ...]
    modifications: tuple[str, ...]
    settings: Mapping[str, Any]

    def clause(self, name: str) -> Clause:
        """The clause of that name."""
        for clause in self.clauses:
            if isinstance(name, str) and clause.name == name:
                return clause
        raise InvalidArgumentError("name", name, nearest(str(name), [clause.name for clause in self.clauses]))

    def __getitem__(self, name: str) -> Clause:
        return self.clause(name)

    @property
    def accepted(self) -> bool:
        """Whether the chain as a whole is admissible: progress, preservation and countability pass."""
        return all(self.clause(name).verdict == "pass" for name in CORE)

    @property
    def admissible(self) -> tuple[bool, ...]:
        """For each modification, whether it makes progress and preserves the representation."""
        rows = [row for name in ("progress", "preservation") for row in self.clause(name).rows]
        passed = [{row.verdict for row in rows if row.member == k} for k in range(1, len(self.modifications) + 1)]
        return tuple(found == {"pass"} for found in passed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "accepted": self.accepted,
            "admissible": list(self.admissible),
            "modifications": list(self.modifications),
            "settings": dict(self.settings),
            "clauses": [clause.to_dict() for clause in self.clauses],
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON record. Raises CertificateError if that is not possible."""
        try:
            Path(path).write_text(self.to_json(), encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CertificateError("path", str(path), f"the certificate cannot be written ({reason})") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ConservationCertificate:
        """Read a record; its verdicts are compared with its numbers. Raises CertificateError for anything else."""
        try:
            if Path(path).stat().st_size > _LARGEST_FILE:
                raise CertificateError("path", str(path), f"larger than {_LARGEST_FILE >> 20} MB; no certificate is")
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            if isinstance(error, CertificateError):
                raise
            reason = getattr(error, "strerror", None) or "not a text file"
            raise CertificateError("path", str(path), f"cannot be read ({reason})") from error
        clauses, modifications, settings, said = read_parts(text, str(path))
        found = cls(clauses, modifications, settings)
        if said != (found.accepted, list(found.admissible)):
            raise CertificateError("certificate", str(path), "'accepted' and 'admissible' contradict the clauses")
        return found

    def __str__(self) -> str:
        from lielaws.modification.conservation_text import text_report

        return text_report(self)

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{clause.name}: {clause.verdict}" for clause in self.clauses)
        return f"ConservationCertificate({len(self.modifications)} modifications, {verdicts})"
