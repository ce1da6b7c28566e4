"""Notes: what was done to bring files to the input contract."""

from __future__ import annotations

from edgemed.types import Resized

_SIXTEEN_BITS = 2**16 - 1


class Notes:
    """Sentences, each once, and how many cases were resized for each input.

    Call it with a sentence; `resized` counts one case, `sixteen_bit` is told of one picture. `counts` is by
    input and size, with one of the sizes that were met.
    """

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}
        self.counts: dict[tuple[str, str], tuple[int, str]] = {}
        self._largest = 0

    def __call__(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def resized(self, name: str, before: tuple[int, ...], size: tuple[int, ...]) -> None:
        key = (name, _shown(size))
        count, example = self.counts.get(key, (0, _shown(before)))
        self.counts[key] = (count + 1, example)

    def sixteen_bit(self, largest: int) -> None:
        """A 16-bit picture whose largest value is `largest` was scaled to 8 bits."""
        self(f"16-bit gray pictures were scaled from 0..{_SIXTEEN_BITS} to 0..255")
        self._largest = max(self._largest, largest)

    @property
    def sentences(self) -> tuple[str, ...]:
        return (*self._sentences, *self.doubts)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What was done and probably not meant: a detector's 12 or 14 bits stored in 16 are nearly black."""
        if not 0 < self._largest <= _SIXTEEN_BITS // 4:
            return ()
        own = 2 ** self._largest.bit_length() - 1
        return (
            f"16-bit gray pictures reach only {self._largest} of {_SIXTEEN_BITS}: scaled to 0..255 they are "
            f'nearly black; set the input\'s dtype to "uint16" and let its steps scale as training did, such '
            f'as {{ op = "scale", by = "1/{own}" }}',
        )

    @property
    def resizings(self) -> tuple[Resized, ...]:
        return tuple(
            Resized(name, count, example, size) for (name, size), (count, example) in self.counts.items()
        )


def _shown(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
