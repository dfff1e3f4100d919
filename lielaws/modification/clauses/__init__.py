"""The clauses of the statement, one maker each: it sees every step of a chain and then says what holds."""

from lielaws.modification.clauses.capacity import Capacity as Capacity
from lielaws.modification.clauses.descent import Descent as Descent
from lielaws.modification.clauses.distillation import Distillation as Distillation
from lielaws.modification.clauses.exactness import Exactness as Exactness
from lielaws.modification.clauses.features import Drift as Drift
from lielaws.modification.clauses.features import Features as Features
from lielaws.modification.clauses.lipschitz import Lipschitz as Lipschitz
from lielaws.modification.clauses.loss_progress import Progress as Progress
from lielaws.modification.clauses.preservation import Preservation as Preservation
from lielaws.modification.clauses.weight_decay import Decay as Decay
