"""Notes: what was done to bring files to the input contract."""

from __future__ import annotations

from edgemed.types import Resized


class Notes:
    """Sentences, each once, and how many cases were resized for each input.

    Call it with a sentence; `resized` counts one case. `counts` is by input and size, with one of the sizes
    that were met.
    """

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}
        self.counts: dict[tuple[str, str], tuple[int, str]] = {}

    def __call__(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def resized(self, name: str, before: tuple[int, ...], size: tuple[int, ...]) -> None:
        key = (name, _shown(size))
        count, example = self.counts.get(key, (0, _shown(before)))
        self.counts[key] = (count + 1, example)

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self._sentences)

    @property
    def resizings(self) -> tuple[Resized, ...]:
        return tuple(
            Resized(name, count, example, size) for (name, size), (count, example) in self.counts.items()
        )


def _shown(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
