"""The steps that a recipe may name, and what they make of an input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgemed.errors import BadInput
from edgemed.preprocess.average_echoes import AverageEchoes
from edgemed.preprocess.clip import Clip
from edgemed.preprocess.coils import CombineCoils
from edgemed.preprocess.colour import GrayToRgb, RgbToGray
from edgemed.preprocess.crop import Crop
from edgemed.preprocess.dc import RemoveDc
from edgemed.preprocess.decimate import Decimate
from edgemed.preprocess.dft import Dft
from edgemed.preprocess.echo_reference import Amplitude, PhaseReference
from edgemed.preprocess.iq_channels import IqChannels
from edgemed.preprocess.layout import Layout
from edgemed.preprocess.normalise import Normalise
from edgemed.preprocess.op import Op
from edgemed.preprocess.pad import Pad
from edgemed.preprocess.resize import Resize
from edgemed.preprocess.scale import Scale
from edgemed.preprocess.taper import Taper
from edgemed.preprocess.whiten import Whiten
from edgemed.preprocess.window import Window
from edgemed.preprocess.z_score import ZScore
from edgemed.types import InputSpec, Step, did_you_mean

_ANY: tuple[type[Op], ...] = (
    Crop, Pad, Resize, GrayToRgb, RgbToGray, Scale, Normalise, Whiten, ZScore, Window, Clip, Layout,
)  # fmt: skip
_RAW: tuple[type[Op], ...] = (
    CombineCoils, RemoveDc, PhaseReference, Amplitude, Decimate, Taper, AverageEchoes, Dft, IqChannels,
)  # fmt: skip
OPS: dict[str, type[Op]] = {op.name: op for op in _ANY + _RAW}
"""Step name to op. `dataclasses.fields(OPS[name])` are its arguments, with types and defaults."""


def tensor_spec(spec: InputSpec, steps: Sequence[Step]) -> InputSpec:
    """What the model is given: `spec` after all steps, float32.

    Without steps, int32 and int64 stay as they are (indices); other integers and float16 are cast. Raises
    `BadInput`, with the step's place in the recipe, for an unknown op or argument, an argument of the wrong
    type or value, and a step that does not fit the array it is given.
    """
    after = [spec, *(behind for _, behind in walk(spec, steps))][-1]
    dtype = spec.dtype if not steps and spec.dtype in ("int32", "int64") else "float32"
    return replace(after, dtype=dtype)


def walk(spec: InputSpec, steps: Sequence[Step]) -> Iterator[tuple[Op, InputSpec]]:
    """Each step's op, its arguments checked, with the spec behind it.

    How a raw signal was taken does not hold behind a step: echoes may be fewer.
    """
    spec = replace(spec, acquisition=None)
    for index, step in enumerate(steps):
        where = f"inputs.{spec.name}.steps[{index}]"
        if step.op not in OPS:
            raise BadInput(f"unknown step {step.op!r}", where=where, remedy=did_you_mean(step.op, OPS))
        where = f"{where} ({step.op})"
        try:
            op = OPS[step.op].from_dict(step.args, where)
            spec = op.after(spec)
        except BadInput as error:
            raise BadInput(error.problem, where=error.where or where, remedy=error.remedy) from None
        yield op, spec
