"""The conservation laws of neural-network training, discovered exactly."""

from lielaws.errors import LieLawsError as LieLawsError  # isort: skip

# Architectures
from lielaws.architectures.base import Architecture as Architecture
from lielaws.architectures.base import architecture as architecture
from lielaws.architectures.attention import attention as attention
from lielaws.architectures.tying import tied_autoencoder as tied_autoencoder
from lielaws.architectures.composition import residual as residual
from lielaws.architectures.composition import sequential as sequential
from lielaws.architectures.mlp import input_convex as input_convex
from lielaws.architectures.convolution import conv as conv
from lielaws.architectures.embedding import embedding as embedding
from lielaws.architectures.gated import moe as moe
from lielaws.architectures.gated import glu as glu
from lielaws.architectures.low_rank import lora_mlp as lora_mlp
from lielaws.architectures.low_rank import low_rank as low_rank
from lielaws.architectures.mlp import linear as linear
from lielaws.architectures.mlp import mlp as mlp
from lielaws.architectures.normalization import weight_norm as weight_norm
from lielaws.architectures.phi import from_phi as from_phi
from lielaws.architectures.transformer import transformer as transformer
from lielaws.architectures.transformer import transformer_block as transformer_block
from lielaws.architectures.tying import freeze as freeze
from lielaws.architectures.tying import share as share

# Flows
from lielaws.engine.flows.gradient import WeightDecay as WeightDecay
from lielaws.engine.flows.gradient import GradientFlow as GradientFlow
from lielaws.engine.flows.metric import MetricFlow as MetricFlow
from lielaws.engine.flows.metric import MirrorFlow as MirrorFlow
from lielaws.engine.flows.momentum import HeavyBall as HeavyBall
from lielaws.engine.flows.momentum import Nesterov as Nesterov

# Questions
from lielaws.check import CheckedLaw as CheckedLaw
from lielaws.check import LawCheck as LawCheck
from lielaws.check import check_laws as check_laws
from lielaws.engine.closure.point import TraceDimension as TraceDimension
from lielaws.discover import discover_laws as discover_laws
from lielaws.discover import trace_dimension as trace_dimension
from lielaws.intrinsic.decide import intrinsic_dynamics as intrinsic_dynamics
from lielaws.intrinsic.metric_of_z import Metric as Metric
from lielaws.intrinsic.dynamics_record import IntrinsicDynamics as IntrinsicDynamics

# Sweeps, and the formulas behind them
from lielaws.formulas.conjecture_record import Conjecture as Conjecture
from lielaws.formulas.conjecturing import conjecture as conjecture
from lielaws.sweeps.results import Results as Results
from lielaws.sweeps.results import results as results
from lielaws.sweeps.run import sweep as sweep

# Training runs
from lielaws import inertia as inertia
from lielaws import training as training

# Answers
from lielaws.certificate.record import Certificate as Certificate
from lielaws.checker.verify import Verification as Verification
from lielaws.checker.verify import verify as verify
from lielaws.engine.laws.law import Law as Law
from lielaws.report.report import Report as Report

__version__ = "0.1.0"
