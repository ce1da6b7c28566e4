"""Raw samples turned into figures: how good, how near to the original, how fast. No claim of proof."""

from edgemed.judge.agreement import agreement
from edgemed.judge.content import ContentCheck
from edgemed.judge.figures import figures
from edgemed.judge.labels import LabelCheck
from edgemed.judge.latency import faster, percentiles
from edgemed.judge.roc import roc_curves
from edgemed.judge.rule import meets

__all__ = [
    "ContentCheck",
    "LabelCheck",
    "agreement",
    "faster",
    "figures",
    "meets",
    "percentiles",
    "roc_curves",
]
