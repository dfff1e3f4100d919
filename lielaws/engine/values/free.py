"""Free values of functions modulo a prime.

The value of exp, log, sqrt, .. at a base point is a pseudo-random residue that depends on the function and on the
residue of its argument alone. Equal arguments have equal values, however they are written; apart from that, and from
the few identities below, values are independent variables. An identity that vanishes for them vanishes for the
functions: a specialization that respects derivations, as only first derivatives occur. So laws are proved with free
values, and relations between functions that are missed cost laws, never truth. A rank at free values is a guess.

Identities that hold by construction: exp(0) = 1 and exp(-a) = 1 / exp(a); the Gaussian integral and the sine are odd,
the cosine is even, and they lie on the circle; log(1) = 0. Roots are free as well (dr = dq / (2 r) alone): the network
in which each argument of a root gets an added constant of its own. What holds there holds for every constant.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.linalg import modular

Keys = npt.NDArray[np.uint64]

# The constants of splitmix64, a published mixer in which each input bit flips each output bit with even odds.
_ODD = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SPARE_BYTES = 8
_WORD = 2**62
"""above, residues do not fit in the words that are mixed"""


@dataclass(frozen=True)
class FreeFunctions:
    """Values of functions at points modulo a prime.

    keys : (2, samples), one pair for each sample if each has a point of its own, or one for all
    """

    prime: int
    keys: Keys

    @classmethod
    def draw(cls, rng: np.random.Generator, prime: int, samples: int = 1) -> FreeFunctions:
        return cls(prime, rng.integers(0, 2**64, (2, samples), dtype=np.uint64))

    def select(self, chosen: Any) -> FreeFunctions:
        """The functions of some samples."""
        return self if self.keys.shape[1] == 1 else FreeFunctions(self.prime, self.keys[:, chosen])

    def value(self, kind: str, a: IntArray) -> IntArray:
        """exp, log, sqrt or gauss of residues of shape (1, samples, *shape)."""
        match kind:
            case "exp":
                negative, size = self._signed(a)
                values = self._drawn("exp", size)
                values = np.where(negative, modular.inverse(values, self.prime), values)
                return np.where(a == 0, 1, values)
            case "gauss":
                negative, size = self._signed(a)
                values = self._drawn("gauss", size)
                return np.where(a == 0, 0, np.where(negative, self.prime - values, values))
            case "log":
                return np.where(a == 1, 0, self._drawn("log", a))
            case "sqrt":
                return np.where(a == 1, 1, self._drawn("sqrt", a))
        raise AssertionError(kind)

    def circle(self, a: IntArray) -> tuple[IntArray, IntArray]:
        """Cosine and sine."""
        negative, size = self._signed(a)
        t = self._drawn("circle", size)
        square = t * t % self.prime
        below = (1 + square) % self.prime
        if not below.all():
            raise BadPrimeError("no point on the circle")
        inverse = modular.inverse(below, self.prime)
        cos = (1 - square) * inverse % self.prime
        sin = 2 * t * inverse % self.prime
        sin = np.where(negative, self.prime - sin, sin) % self.prime
        return np.where(a == 0, 1, cos), np.where(a == 0, 0, sin)

    def _signed(self, a: IntArray) -> tuple[npt.NDArray[np.bool_], IntArray]:
        """Of a and -a one counts as negative; with it the other one."""
        negative = np.asarray(a > self.prime // 2, dtype=np.bool_)
        return negative, np.where(negative, self.prime - a, a)

    def _drawn(self, kind: str, a: IntArray) -> IntArray:
        """Pseudo-random residues other than zero."""
        keys = self.keys.reshape(2, 1, -1, *(1,) * (a.ndim - 2))
        salt = np.uint64(zlib.crc32(kind.encode()))
        if self.prime >= _WORD:
            return _digests(a.astype(object), keys ^ salt, self.prime)
        # Of 2^64 values each residue has at most twice its share: degrees count twice in bounds.
        mixed = _mixed(_mixed((a.astype(np.uint64) ^ keys[0]) + salt) ^ keys[1])
        residues = (mixed % np.uint64(self.prime - 1) + np.uint64(1)).view(np.int64)
        return residues if a.dtype != object else residues.astype(object)


def _mixed(x: Keys) -> Keys:
    x = x + _ODD
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))


def _digests(a: npt.NDArray[np.object_], keys: Keys, prime: int) -> IntArray:
    """The same for larger primes, by a keyed hash."""
    width = (prime.bit_length() + 7) // 8
    shape = np.broadcast_shapes(a.shape, keys.shape[1:])
    pairs = [np.broadcast_to(part, shape).ravel().tolist() for part in (a, *keys)]
    values = np.empty(len(pairs[0]), dtype=object)
    for k, (number, first, second) in enumerate(zip(*pairs, strict=True)):
        key = first.to_bytes(8, "big") + second.to_bytes(8, "big")
        text = hashlib.blake2b(number.to_bytes(width, "big"), key=key, digest_size=min(64, width + _SPARE_BYTES))
        digest = int.from_bytes(text.digest() + hashlib.blake2b(text.digest(), key=key).digest(), "big")
        values[k] = 1 + digest % (prime - 1)
    return np.asarray(values.reshape(shape))
