"""Exact linear algebra: integers in, integers out."""

from lielaws.linalg.echelon import Echelon as Echelon
from lielaws.linalg.lift import combine as combine
from lielaws.linalg.lift import integer_row as integer_row
from lielaws.linalg.lift import lift_rows as lift_rows
from lielaws.linalg.lift import rational_reconstruction as rational_reconstruction
from lielaws.linalg.lift import short_basis as short_basis
from lielaws.linalg.primes import EXPLORATION_PRIME as EXPLORATION_PRIME
from lielaws.linalg.primes import is_prime as is_prime
from lielaws.linalg.primes import random_prime as random_prime
