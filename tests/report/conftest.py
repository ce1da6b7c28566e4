"""A compilation as a real run gives it, from simulated predictions and latencies through the real judge."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import numpy as np
import pytest

from edgemed.judge import agreement, faster, figures, meets, percentiles, roc_curves
from edgemed.judge.reliability import reliability
from edgemed.report.page import render
from edgemed.types import (
    Agreement,
    CandidateResult,
    Compilation,
    Coverage,
    DataFacts,
    Difference,
    InputSpec,
    JudgeSpec,
    LayerPrecision,
    ModelFacts,
    Opening,
    OriginalResult,
    OutputSpec,
    ParityFacts,
    StageTime,
    Temperature,
    Verdict,
)
from edgemed.types.pruning import LayerChange, LeftAlone, Pruning, PruningFacts, Recovery


@dataclasses.dataclass(frozen=True)
class Look:
    """A page, or a part of it, as a reader finds it."""

    page: str

    @property
    def text(self):
        body = re.sub(r"<style>.*?</style>|<[^>]+>", " ", self.page, flags=re.S)
        spaces = r"[\s\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]+"
        return re.sub(spaces, " ", html.unescape(body))

    def section(self, name):
        """The section with the heading of that id; empty where there is none."""
        found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', self.page, re.S)
        return Look(found.group() if found else "")

    def all(self, pattern):
        return re.findall(pattern, self.page, re.S)


@pytest.fixture(scope="session")
def look():
    """Renders a compilation."""
    return lambda compilation: Look(render(compilation))


FINDING = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"), threshold=0.5)
LIMITS = Agreement()
SHA = "5f2c9b0e6d1a4c7783e2f0b1d9a8c6e4" * 2


def predictions(cases, noise, seed):
    random = np.random.default_rng(seed)
    targets = (random.random(cases) < 0.62).astype(np.int64)
    logits = random.normal(np.where(targets == 1, 2.4, -2.6), 1.9)
    noisy = logits + noise * np.random.default_rng(seed + 1).normal(size=cases)
    return 1 / (1 + np.exp(-logits[:, None])), 1 / (1 + np.exp(-noisy[:, None])), targets


def layers(precision):
    convolutions = [
        (f"/layer{a}/{b}/conv{c}/Conv", "Conv") for a in (1, 2, 3) for b in (0, 1) for c in (1, 2)
    ]
    rows = [LayerPrecision(name, op, precision) for name, op in convolutions]
    return (*rows, LayerPrecision("/fc/Gemm", "Gemm", "fp32"), LayerPrecision("/Sigmoid", "Sigmoid", "fp32"))


def candidate(id, precision, pace, noise, size, outputs=FINDING, rounds=700):
    random = np.random.default_rng(len(id))
    base = 0.0082 * random.lognormal(0, 0.04, rounds)
    own = 0.0082 * pace * random.lognormal(0, 0.05, rounds)
    ratio, results = faster(base, own), {}
    for role, cases, seed in (("select", 524, 1), ("accept", 624, 2)):
        original, artefact, targets = predictions(cases, noise, seed)
        names = [f"test/{index:04d}" for index in range(cases)]
        results[role] = agreement(outputs, original, artefact, targets, names)
    near, reason = meets(LIMITS, (results["select"],), labelled=True)
    keep = near and pace < 0.5
    result = CandidateResult(
        id=id,
        backend=id.split("-")[0],
        precision=precision,
        status="kept" if keep else "dropped",
        reason=f"fastest of {id.split('-')[0]} that agrees: {reason}" if keep else reason,
        size_bytes=size,
        load_ms=31.0 + 90 * pace,
        memory_mib=62.0 + 20 * pace,
        latency=percentiles(own),
        ratio=ratio,
        select_agreement=(results["select"],),
        accept_agreement=(results["accept"],) if keep else None,
        accept_figures=(figures(outputs, artefact, targets),) if keep else None,
        layers=layers(precision),
        path=f"artefacts/{id}" if keep else "",
    )
    return result, roc_curves(id, outputs, artefact, targets) if keep else ()


@pytest.fixture(scope="session")
def compilation():
    original, _, targets = predictions(624, 0.0, 2)
    made = [
        candidate("onnxruntime-fp32", "fp32", 1.002, 1e-6, 11_240_000),
        candidate("onnxruntime-fp16", "fp16", 2.31, 2e-3, 5_640_000),
        candidate("onnxruntime-int8", "int8", 0.334, 0.05, 2_920_000),
        candidate("openvino-fp32", "fp32", 0.951, 1e-6, 11_260_000),
        candidate("openvino-bf16", "bf16", 0.97, 0.35, 11_260_000),
        candidate("openvino-int8", "int8", 0.291, 0.06, 2_980_000),
    ]
    failed = CandidateResult(
        "openvino-fp16",
        "openvino",
        "fp16",
        "failed",
        "the compiler ran past 120 s (child ended with signal 9)",
    )
    base = faster(np.full(700, 0.0082), np.full(700, 0.0082))
    return Compilation(
        name="chest-xray",
        version="1.2.0",
        created="2026-11-21T18:40:00Z",
        seed=7,
        command="edgemed compile chest-xray.toml -o build/chest-xray",
        recipe=json.loads('{"model": {"source": "model.py:net"}, "name": "chest-xray", "threads": 1}'),
        recipe_digest=SHA,
        agreement=LIMITS,
        model=ModelFacts(
            "model.py:net",
            "factory",
            SHA,
            2_781_442,
            20,
            (InputSpec("image", "uint8", (28, 28), "HW"),),
            (FINDING,),
        ),
        data=(
            DataFacts("calibrate", "pneumoniamnist.npz::split=train,stop=300", 300, True, SHA),
            DataFacts(
                "select",
                "pneumoniamnist.npz::split=val",
                524,
                True,
                SHA,
                class_counts={"finding": {"clear": 135, "pneumonia": 389}},
                notes=("brought 3 pictures of another size to 28 × 28",),
            ),
            DataFacts(
                "accept",
                "pneumoniamnist.npz::split=test",
                624,
                True,
                SHA,
                class_counts={"finding": {"clear": 234, "pneumonia": 390}},
                skipped=("test/0100.png", "test/0207.png"),
            ),
        ),
        plan=(
            "export model.py:net to ONNX, opset 20, and compare with torch at 3 batch sizes",
            "put 3 preprocessing steps into the graph: scale, mean/std, layout",
            "find int8 scales on 300 calibration cases",
            "build onnxruntime at fp32, fp16, int8; openvino at fp32, fp16, bf16, int8",
            "measure 7 candidates in turns with the original, 700 rounds, 1 thread",
            "choose on 524 selection cases, report on 624 acceptance cases",
        ),
        parity=(
            ParityFacts("torch and exported graph", 48, 2.4e-7, 1e-4, "batch sizes 1, 2 and 5"),
            ParityFacts("training function and steps in the graph", 16, 0.0, 1e-3, "worst case train/0004"),
        ),
        original=OriginalResult(
            "onnxruntime fp32",
            11_236_104,
            percentiles(np.random.default_rng(0).normal(base.baseline_ms / 1e3, 2e-4, 700)),
            38.0,
            88.0,
            (figures(FINDING, original, targets),),
        ),
        candidates=(*(result for result, _ in made), failed),
        target="generic",
        best="openvino-int8",
        compared_on="select",
        roc=(
            *roc_curves("original", FINDING, original, targets),
            *(curve for _, curves in made for curve in curves),
        ),
        stages=(
            StageTime("export", 4.21, cached=True),
            StageTime("parity", 1.94, peak_mib=412.0),
            StageTime("quantise", 18.7, peak_mib=903.0),
            StageTime("build", 9.3, peak_mib=640.0),
            StageTime("measure", 41.8, peak_mib=210.0),
            StageTime("verify", 6.4, peak_mib=233.0),
        ),
        tools={"edgemed": "0.1.0", "onnxruntime": "1.31.1", "openvino": "2026.4.1", "nncf": "3.4.0"},
        host={"cpu": "AMD EPYC, 2 cores", "arch": "x86_64", "instruction sets": "AVX2"},
        stamps=(),
        warnings=("the select set holds 2 duplicates in 524 cases, such as val/0044 of val/0012",),
    )


def unmeasured(result, why, stand_in=""):
    """The candidate as it comes out for a target that is not at hand; a stand-in's is not timed."""
    if stand_in:
        result = dataclasses.replace(result, latency=None, ratio=None, load_ms=None, memory_mib=None)
    return dataclasses.replace(
        result,
        status="kept" if result.select_agreement else "failed",
        reason=f"agrees: {result.reason}",
        unmeasured=why, stand_in=stand_in,
    )  # fmt: skip


@pytest.fixture(scope="session")
def elsewhere(compilation):
    """Compiled for a GPU that is not here: a runtime without its hardware beside two that were timed."""
    why, stand_in = "no NVIDIA GPU here", "onnxruntime, every node by itself"
    made = [
        candidate("tensorrt-fp32", "fp32", 0.4, 1e-6, 13_100_000),
        candidate("tensorrt-fp16", "fp16", 0.4, 2e-3, 7_240_000),
        candidate("tensorrt-int8", "int8", 0.4, 0.05, 4_310_000),
    ]
    return dataclasses.replace(
        compilation,
        target="nvidia-rtx",
        candidates=(*(unmeasured(each, why, stand_in) for each, _ in made), *compilation.candidates),
        roc=(*compilation.roc, *(curve for _, curves in made for curve in curves)),
    )


@pytest.fixture(scope="session")
def afar(compilation):
    """Compiled for a board of another architecture: all that agrees is kept, the times are this machine's."""
    near = [each for each in compilation.candidates if each.status == "kept" or each.id.endswith("fp32")]
    marks = compilation.candidate("openvino-int8")
    kept = [
        dataclasses.replace(
            unmeasured(each, "it is aarch64, this machine x86_64"),
            accept_agreement=each.accept_agreement or marks.accept_agreement,
            accept_figures=each.accept_figures or marks.accept_figures,
        )
        for each in near
    ]
    return dataclasses.replace(
        compilation,
        target="raspberry-pi-5",
        candidates=tuple(kept),
        best=None,
    )


PRUNED = Pruning(
    layers=(
        LayerChange("layer1.0.conv1", "Conv2d", "channels", 64, 48, 64, 64),
        LayerChange("layer1.0.conv2", "Conv2d", "channels", 64, 64, 64, 48),
        LayerChange("encoder.attention", "MultiheadAttention", "heads", 8, 6, 512, 512),
    ),
    left_alone=(
        LeftAlone("layer1.0.conv2", "its output is added to one that stays whole"),
        LeftAlone("layer2.0.conv2", "its output is added to one that stays whole"),
        LeftAlone("fc", "a last layer"),
    ),
    parameters_before=2_781_442,
    parameters_after=1_402_118,
    macs_before=71_303_168,
    macs_after=40_894_464,
)
RECOVERY = Recovery(
    samples=270,
    held_out=30,
    loss_pruned=1.94,
    loss_batch_norm=0.412,
    losses=(0.188, 0.104, 0.071, 0.055, 0.049, 0.046, 0.0451, 0.0453),
    loss_best=0.0451,
    best_epoch=7,
    epochs_planned=20,
    minutes=4.2,
    stopped="budget",
    notes=("the calibration set has fewer samples than the model has channels",),
)


def all_pruned_dropped(pruned, reason, recovery=RECOVERY):
    """`pruned` with every pruned candidate dropped for `reason`."""
    dropped = [
        dataclasses.replace(each, status="dropped", reason=reason) if each.pruned else each
        for each in pruned.candidates
    ]
    facts = dataclasses.replace(pruned.pruning, recovery=recovery)
    return dataclasses.replace(pruned, candidates=tuple(dropped), best="onnxruntime-int8", pruning=facts)


@pytest.fixture(scope="session")
def drop_pruned():
    return all_pruned_dropped


@pytest.fixture(scope="session")
def pruned(compilation):
    """With pruned candidates beside the others, one of them the best, and with its recovery."""
    made = [
        candidate("onnxruntime-fp32-pruned", "fp32", 0.61, 0.16, 5_710_000),
        candidate("onnxruntime-int8-pruned", "int8", 0.211, 0.19, 1_502_000),
        candidate("openvino-fp32-pruned", "fp32", 0.58, 0.16, 5_720_000),
        candidate("openvino-int8-pruned", "int8", 0.187, 0.08, 1_540_000),
    ]
    replaced = dataclasses.replace(
        compilation.candidate("openvino-int8"),
        status="dropped", reason="slower than openvino-int8-pruned (ratio 0.19)", path="",
        accept_agreement=None, accept_figures=None,
    )  # fmt: skip
    rest = [replaced if each.id == replaced.id else each for each in compilation.candidates]
    return dataclasses.replace(
        compilation,
        candidates=(*rest, *(dataclasses.replace(each, pruned=True) for each, _ in made)),
        best="openvino-int8-pruned",
        roc=(
            *(curve for curve in compilation.roc if curve.model != "openvino-int8"),
            *(curve for _, curves in made for curve in curves),
        ),
        recipe={**compilation.recipe, "prune": {"epochs": 20}, "data": {"calibrate": "cal.npz"}},
        pruning=PruningFacts(PRUNED, RECOVERY),
    )


def difference(metric, low, high, margin=None, outcome=None, **given):
    """One that lies in the middle of its interval."""
    given = {"output": "finding", "n": 624, "original": 0.9, "method": "paired DeLong"} | given
    middle = (low + high) / 2
    return Difference(
        metric=metric, difference=middle, low=low, high=high, margin=margin, outcome=outcome,
        artefact=given["original"] + middle, **given,
    )  # fmt: skip


@pytest.fixture(scope="session", name="difference")
def difference_():
    return difference


TANGO = {"method": "Tango's score interval"}
AUC = difference("auc", -0.0041, 0.0033, 0.02, "proven", original=0.9652, claim_false=0.42)
SENSITIVITY = difference(
    "sensitivity", -0.0163, 0.0112, 0.05, "proven", n=390, original=0.9410, better=2, worse=3,
    claim_false=0.34, **TANGO,
)  # fmt: skip
SPECIFICITY = difference(
    "specificity", -0.0182, 0.0251, 0.05, "proven", n=234, original=0.8803, better=4, worse=3,
    claim_false=0.36, **TANGO,
)  # fmt: skip
BRIER = difference("brier", -0.0012, 0.0009, 0.01, "proven", original=0.0712, method="clustered Student")
ACCURACY = difference("accuracy", -0.011, 0.012, original=0.9183, better=6, worse=6, **TANGO)
SITE_A = difference(
    "sensitivity", -0.021, 0.019, 0.05, "proven", n=201, subgroup="site=A", better=1, worse=1, **TANGO
)
SITE_B = difference(
    "sensitivity", -0.192, -0.063, 0.05, "refuted", n=47, subgroup="site=B", better=0, worse=6, **TANGO
)


def verdict(outcome, differences, id, **given):
    facts = {"alpha": 0.025, "cases": 624, "groups": 410, "artefact": SHA[::-1], "original": SHA, "data": SHA}
    return Verdict(outcome, differences=tuple(differences), id=id, **(facts | {"executed_by": "x"} | given))


@pytest.fixture(scope="session", name="verdict")
def verdict_():
    return verdict


PROVEN = verdict(
    "proven",
    [AUC, SENSITIVITY, SPECIFICITY, BRIER, ACCURACY, SITE_A],
    "openvino-int8",
    executed_by="openvino",
)
REFUTED = verdict(
    "refuted",
    [
        AUC,
        dataclasses.replace(SENSITIVITY, low=-0.0541, outcome="not provable", cases_needed=1210),
        difference(
            "specificity", -0.2741, -0.1625, 0.05, "refuted", n=234, original=0.6311, better=1, worse=52,
            claim_false=1e-12, **TANGO,
        ),
        SITE_A, SITE_B,
    ],
    "onnxruntime-int8", executed_by="onnxruntime",
)  # fmt: skip
NOT_PROVABLE = verdict(
    "not provable",
    [
        AUC,
        SENSITIVITY,
        difference(
            "specificity", -0.0712, 0.0204, 0.05, "not provable", n=112, original=0.8803, better=1, worse=4,
            cases_needed=240, claim_false=0.19, **TANGO,
        ),
    ],
    "openvino-bf16", executed_by="openvino",
)  # fmt: skip


def opening(number, outcomes):
    return Opening(
        number, f"2026-11-{20 + number}T09:30:00Z", SHA, "edgemed compile chest-xray.toml", SHA[::-1],
        dict.fromkeys(("onnxruntime-fp32", *outcomes), SHA), outcomes,
    )  # fmt: skip


def with_verdicts(compilation, **verdicts):
    """Candidates with these verdicts, by id with `_` for `-`: what is not proven is dropped."""
    given = {name.replace("_", "-"): each for name, each in verdicts.items()}
    found = []
    for each in compilation.candidates:
        if (told := given.get(each.id)) is not None:
            kept = told.outcome == "proven"
            reason = each.reason if kept else f"refused on the acceptance set: {told.outcome}"
            each = dataclasses.replace(
                each, verdict=told, status="kept" if kept else "dropped", reason=reason
            )
        found.append(each)
    best = compilation.best
    return dataclasses.replace(
        compilation,
        candidates=tuple(found),
        best=best if any(each.id == best and each.status == "kept" for each in found) else None,
        recipe={**compilation.recipe, "judge": JudgeSpec().to_dict()},
    )


@pytest.fixture(scope="session", name="with_verdicts")
def with_verdicts_():
    return with_verdicts


@pytest.fixture(scope="session")
def judged(compilation):
    """One artefact proven and kept, one refuted and one not provable, at the second look."""
    verdicts = {
        "openvino_int8": dataclasses.replace(PROVEN, opening=2),
        "onnxruntime_int8": dataclasses.replace(REFUTED, opening=2),
        "openvino_bf16": dataclasses.replace(NOT_PROVABLE, opening=2),
    }
    outcomes = {each.id: each.outcome for each in verdicts.values()}
    return dataclasses.replace(
        with_verdicts(compilation, **verdicts),
        openings=(opening(1, {"openvino-int8": "not provable"}), opening(2, outcomes)),
    )


@pytest.fixture(scope="session")
def unproven(compilation):
    """Nothing is kept: one is refuted, one not provable."""
    return with_verdicts(compilation, openvino_int8=NOT_PROVABLE, onnxruntime_int8=REFUTED)


@pytest.fixture(scope="session")
def calibrated(judged):
    """With a temperature in the graph, reliability diagrams and prediction sets."""
    scores, artefact, targets = predictions(624, 0.06, 2)
    models = {"original": scores, "openvino-int8": artefact, "original before scaling": np.sqrt(scores)}
    return dataclasses.replace(
        judged,
        temperatures=(Temperature("finding", 1.62, 524, 0.2411, 0.1987, 0.5, 0.4712),),
        reliability=tuple(
            each for name, p in models.items() for each in reliability(name, FINDING, p, targets)
        ),
        coverage=(
            Coverage("openvino-int8", "finding", "", 0.1, 0.2213, 624, 0.9054, 0.8797, 0.9272, 1.02, 0.0),
            Coverage("openvino-int8", "finding", "clear", 0.1, 0.2213, 234, 0.82, 0.76, 0.86, 1.04, 0.0),
            Coverage("openvino-int8", "finding", "pneumonia", 0.1, 0.2213, 390, 0.96, 0.93, 0.98, 1.01, 0.01),
        ),
    )  # fmt: skip
