"""Intrinsic dynamics: when the function that a network computes follows a flow of its own."""

from lielaws.intrinsic.decide import intrinsic_dynamics as intrinsic_dynamics
from lielaws.intrinsic.dynamics_record import IntrinsicDynamics as IntrinsicDynamics
from lielaws.intrinsic.metric_of_z import Metric as Metric
from lielaws.intrinsic.ranks import Ranks as Ranks
