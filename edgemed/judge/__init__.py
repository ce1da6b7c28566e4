"""Raw samples turned into figures: how good, how near to the original, how fast; and into a verdict."""

from edgemed.judge.agreement import agreement
from edgemed.judge.content import ContentCheck
from edgemed.judge.figures import figures
from edgemed.judge.groups import group_numbers
from edgemed.judge.labels import check_classes
from edgemed.judge.latency import faster, percentiles
from edgemed.judge.margins import check_margins
from edgemed.judge.pairs import Pairs
from edgemed.judge.provable import check_provable
from edgemed.judge.roc import roc_curves
from edgemed.judge.rule import meets
from edgemed.judge.sound import check_paired, check_pairs
from edgemed.judge.verdict import judge_pairs

__all__ = [
    "ContentCheck",
    "Pairs",
    "agreement",
    "check_classes",
    "check_margins",
    "check_paired",
    "check_pairs",
    "check_provable",
    "faster",
    "figures",
    "group_numbers",
    "judge_pairs",
    "meets",
    "percentiles",
    "roc_curves",
]
