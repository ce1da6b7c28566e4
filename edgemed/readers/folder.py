"""A folder per class, or a flat folder without labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.decode import DECODERS, decode, decoder_of
from edgemed.readers.reference import Reference
from edgemed.readers.stream import Case, StreamedSet
from edgemed.readers.targets import classes_of, target_of
from edgemed.types import InputSpec, OutputSpec, Sample, did_you_mean


class FolderSet(StreamedSet):
    """The files under a folder, sorted by path; its sub-folders are the classes.

    Classes are matched to the output's `labels` where given, else numbered in the order of their names.
    """

    def __init__(
        self,
        path: Path,
        reference: Reference,
        inputs: Sequence[InputSpec],
        outputs: Sequence[OutputSpec],
        *,
        skip_bad: bool,
        source: str,
    ) -> None:
        reference.allow(())
        if len(inputs) != 1:
            raise BadInput(
                f"a folder of files fills one input, and the model has {len(inputs)}",
                where=source,
                remedy="list the files of each case in a CSV, a column per input",
            )
        self._root = path
        self._spec = inputs[0]
        classes = class_folders(path)
        self._output = _one_head(outputs, source) if classes and outputs else None
        self._classes = _indices(classes, self._output, source) if self._output else {}
        files, others = list_files(path)
        for name in classes:
            if not any(file.startswith(f"{name}/") for file in files):
                raise BadInput(
                    f"the class folder {name!r} holds no file of a known format",
                    where=source,
                    remedy=f"known: {', '.join(DECODERS)}",
                )
        if classes and any("/" not in file for file in files):
            raise BadInput(
                "files lie beside the class folders",
                where=source,
                remedy="move each file into the folder of its class",
            )
        span = reference.span(len(files))
        self._files = files[span.start : span.stop]
        super().__init__(
            source, length=len(self._files), labelled=self._output is not None, skip_bad=skip_bad
        )
        if others:
            self.told(f"{others} files of other types lie in the folder and were left out")

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        if self._output is None or self._output.labels:
            return {}
        return {self._output.name: tuple(self._classes)}

    def cases(self) -> Iterator[Case]:
        for file in self._files:
            yield file, lambda file=file: self._sample(file)  # type: ignore[misc]

    def targets(self) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        for file in self._files:
            yield file, self._targets(file)

    def _sample(self, file: str) -> Sample:
        array = decode(self._root / file, self._spec, self.told)
        return Sample(file, {self._spec.name: array}, self._targets(file))

    def _targets(self, file: str) -> dict[str, NDArray[Any]]:
        if self._output is None:
            return {}
        index = self._classes[file.partition("/")[0]]
        return {self._output.name: target_of(str(index), self._output)}


def class_folders(root: Path) -> list[str]:
    """Names of the sub-folders, sorted (whole numbers by value); hidden ones do not count."""
    try:
        entries = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise BadInput(f"the folder cannot be read: {error.strerror}", where=root.name) from error
    names = [entry.name for entry in entries if entry.is_dir()]
    if all(name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def list_files(root: Path) -> tuple[list[str], int]:
    """Sorted relative paths (with `/`) of the files of known formats, and the number of others."""
    found, others = [], 0
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder).resolve()
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not here.is_relative_to(Path(folder, name).resolve())
        ]
        for name in files:
            path = Path(folder, name)
            if name.startswith("."):
                continue
            if decoder_of(path):
                found.append(path.relative_to(root).as_posix())
            else:
                others += 1
    return sorted(found), others


def _one_head(outputs: Sequence[OutputSpec], source: str) -> OutputSpec:
    if len(outputs) > 1 or outputs[0].kind not in ("binary", "multiclass"):
        raise BadInput(
            "a folder per class labels one binary or multiclass output, and the model has "
            + ", ".join(f"{output.name} ({output.kind})" for output in outputs),
            where=source,
            remedy="list the files and their labels in a CSV, a column per output",
        )
    return outputs[0]


def _indices(classes: Sequence[str], output: OutputSpec, source: str) -> dict[str, int]:
    if output.labels:
        for name in classes:
            if name not in output.labels:
                raise BadInput(
                    f"folder {name!r} is no class of output {output.name!r}",
                    where=source,
                    remedy=did_you_mean(name, output.labels),
                )
        return {name: output.labels.index(name) for name in classes}
    if len(classes) != classes_of(output):
        raise BadInput(
            f"{len(classes)} class folders ({', '.join(classes[:5])}) for the {classes_of(output)} classes "
            f"of output {output.name!r}",
            where=source,
            remedy=f"name the classes in order: labels = [...] under [outputs.{output.name}]",
        )
    for index, name in enumerate(classes):
        if name.isdecimal() and int(name) != index:
            raise BadInput(
                f"folder {name!r} would be class {index} of output {output.name!r}; in other sets a number "
                "is the number of a class",
                where=source,
                remedy="rename the folders: numbers from 0, or names, with these in the model's order as "
                f"labels = [...] under [outputs.{output.name}]",
            )
    return {name: index for index, name in enumerate(classes)}
