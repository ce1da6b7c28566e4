"""Raw samples turned into figures: how good, how near to the original, how fast. No claim of proof."""

from edgemed.judge.agreement import agreement
from edgemed.judge.content import ContentCheck
from edgemed.judge.figures import figures
from edgemed.judge.labels import check_classes
from edgemed.judge.latency import faster, percentiles
from edgemed.judge.roc import roc_curves
from edgemed.judge.rule import meets

__all__ = [
    "ContentCheck",
    "agreement",
    "check_classes",
    "faster",
    "figures",
    "meets",
    "percentiles",
    "roc_curves",
]
