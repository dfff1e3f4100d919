"""The conservation laws of neural-network training, discovered exactly."""

from lielaws.errors import LieLawsError as LieLawsError  # isort: skip

# Architectures
from lielaws.architectures.base import Architecture as Architecture, architecture as architecture
from lielaws.architectures.attention import attention as attention
from lielaws.architectures.tying import tied_autoencoder as tied_autoencoder
from lielaws.architectures.composition import residual as residual, sequential as sequential
from lielaws.architectures.mlp import input_convex as input_convex
from lielaws.architectures.convolution import conv as conv
from lielaws.architectures.embedding import embedding as embedding
from lielaws.architectures.gated import moe as moe
from lielaws.architectures.gated import glu as glu
from lielaws.architectures.low_rank import lora_mlp as lora_mlp, low_rank as low_rank
from lielaws.architectures.mlp import linear as linear, mlp as mlp
from lielaws.architectures.normalization import weight_norm as weight_norm
from lielaws.architectures.phi import from_phi as from_phi
from lielaws.architectures.transformer import transformer as transformer, transformer_block as transformer_block
from lielaws.architectures.tying import freeze as freeze, share as share
from lielaws.torch.importing import from_torch as from_torch

# Flows
from lielaws.engine.flows.gradient import WeightDecay as WeightDecay, GradientFlow as GradientFlow
from lielaws.engine.flows.metric import MetricFlow as MetricFlow, MirrorFlow as MirrorFlow
from lielaws.engine.flows.momentum import HeavyBall as HeavyBall, Nesterov as Nesterov

# Questions
from lielaws.check import CheckedLaw as CheckedLaw, LawCheck as LawCheck, check_laws as check_laws
from lielaws.engine.closure.point import TraceDimension as TraceDimension
from lielaws.discover import discover_laws as discover_laws, trace_dimension as trace_dimension
from lielaws.intrinsic.decide import intrinsic_dynamics as intrinsic_dynamics
from lielaws.intrinsic.metric_of_z import Metric as Metric
from lielaws.intrinsic.dynamics_record import IntrinsicDynamics as IntrinsicDynamics

# Sweeps, and the formulas behind them
from lielaws.formulas.conjecture_record import Conjecture as Conjecture
from lielaws.formulas.conjecturing import conjecture as conjecture
from lielaws.sweeps.results import Results as Results, results as results
from lielaws.sweeps.run import sweep as sweep

# Training runs
from lielaws import inertia as inertia
from lielaws import training as training

# Answers
from lielaws.certificate.record import Certificate as Certificate
from lielaws.checker.verify import Verification as Verification, verify as verify
from lielaws.engine.laws.law import Law as Law
from lielaws.report.report import Report as Report

__version__ = "0.1.0"
