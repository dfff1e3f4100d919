"""Named architectures, each with the theorem it comes from. Expected counts live in the tests alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """spec : what `discover_laws` takes; source : where its laws are stated"""

    spec: str
    source: str
    note: str


CATALOGUE: tuple[Entry, ...] = (
    Entry("linear:2-3-2", "arXiv 2307.00144, Prop. 4.1", "two-layer linear: U^T U - V^T V"),
    Entry("linear:3-3-3-3", "arXiv 2307.00144, Prop. 4.1", "deep linear: balanced neighbours"),
    Entry("linear:10-20-10", "arXiv 2307.00144, Prop. 4.1", "wide two-layer linear"),
    Entry("linear:1-2-2-1", "arXiv 2307.00144, section 4", "scalar input and output: more laws than balanced ones"),
    Entry("relu:2-3-2", "arXiv 2307.00144, section 4", "one law per hidden unit"),
    Entry("relu:3-4-3", "arXiv 2307.00144, section 4", "one law per hidden unit"),
    Entry("relu+bias:2-3-2", "arXiv 2307.00144, section 4", "hidden biases join the law of their unit"),
    Entry("relu+bias:9-9-9-9-9", "arXiv 2307.00144, section 4; arXiv 2508.07370", "deep ReLU with biases"),
    Entry("square:2-3-2", "arXiv 2609.34549", "powers k: k |out|^2 - |in|^2 per unit"),
    Entry("conv:1-2-1+kernel=2+size=4", "arXiv 2506.06194, Thm 3.6", "ReLU convolution: one law per hidden channel"),
    Entry("conv:1-2-1+kernel=2+size=4+activation=linear", "by analogy with arXiv 2307.00144", "linear convolution"),
)
