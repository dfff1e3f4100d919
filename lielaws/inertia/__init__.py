"""Computational inertia: the energy `E = |v|^2/2 + L(theta)` of second-order training.

The flow is theta' = v, v' = -gamma v - grad L(theta) + sigma dB/dt. E depends on the loss, so it is no conservation law
of the architecture; it belongs to one training run. Which statements are whose:

* of arXiv 2505.19171: E is constant without friction and noise; `dE/dt = -gamma |v|^2` with friction
  (`energy_balance`); `d E[E]/dt = -gamma E|v|^2 + sigma^2 D/2` with noise (`expected_energy_balance`).
* standard, derived and checked here: the stationary density (`stationary_density`), and the closed form for quadratic
  losses with all second moments (`quadratic_energy`).
* ours: the reading of SGD with momentum as a discretization, with its order and its stability limit (`MomentumMap`,
  `momentum_statement`), and the exact split of each step's change of energy (`EnergyLedger`, `ledger_statement`).
"""

from lielaws.inertia.energy_ledger import EnergyLedger as EnergyLedger
from lielaws.inertia.energy_on_quadratics import QuadraticEnergy as QuadraticEnergy
from lielaws.inertia.energy_on_quadratics import quadratic_energy as quadratic_energy
from lielaws.inertia.energy_plots import plot_energy as plot_energy
from lielaws.inertia.energy_plots import plot_ledger as plot_ledger
from lielaws.inertia.energy_run import EnergyRun as EnergyRun
from lielaws.inertia.energy_totals import LedgerSummary as LedgerSummary
from lielaws.inertia.entries import LedgerEntry as LedgerEntry
from lielaws.inertia.general import energy_balance as energy_balance
from lielaws.inertia.general import expected_energy_balance as expected_energy_balance
from lielaws.inertia.general import stationary_density as stationary_density
from lielaws.inertia.modes import Mode as Mode
from lielaws.inertia.momentum_algebra import ledger_statement as ledger_statement
from lielaws.inertia.momentum_algebra import momentum_statement as momentum_statement
from lielaws.inertia.recording import Stop as Stop
from lielaws.inertia.sgd_momentum import MomentumMap as MomentumMap
from lielaws.inertia.simulation import simulate as simulate
from lielaws.inertia.stability import Stability as Stability
from lielaws.inertia.stability import largest_curvature as largest_curvature
from lielaws.inertia.statements import EnergyStatement as EnergyStatement
