"""Exact linear algebra: integers in, integers out.

Matrices are int64 arrays with entries in [0, p), p an odd prime below 2^31. Modules: `primes`, `modular` (products,
inverses), `dense` (FLINT's elimination, through `bridge`), `echelon` and `centred` (spans that grow, the latter of
primes below 2^23), `lift` (rational numbers, and back to them), `nonsingular` (real matrices, the only module that
rounds).
"""

from lielaws.engine.linalg.centred import CentredEchelon as CentredEchelon
from lielaws.engine.linalg.echelon import Echelon as Echelon
from lielaws.engine.linalg.echelon import rank as rank
from lielaws.engine.linalg.lift import as_fmpq as as_fmpq
from lielaws.engine.linalg.lift import as_fraction as as_fraction
from lielaws.engine.linalg.lift import combine as combine
from lielaws.engine.linalg.lift import common_divisor as common_divisor
from lielaws.engine.linalg.lift import integer_row as integer_row
from lielaws.engine.linalg.lift import lift_rows as lift_rows
from lielaws.engine.linalg.lift import rational_reconstruction as rational_reconstruction
from lielaws.engine.linalg.lift import short_basis as short_basis
from lielaws.engine.linalg.primes import EXPLORATION_PRIME as EXPLORATION_PRIME
from lielaws.engine.linalg.primes import is_prime as is_prime
from lielaws.engine.linalg.primes import random_prime as random_prime
