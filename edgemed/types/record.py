"""Frozen records: strict reading from JSON or TOML, a canonical JSON form and a content digest."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import reprlib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from edgemed.errors import BadInput

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        return lambda cls: cls


R = TypeVar("R", bound="Record")

_LARGEST = 2**53
"""Whole numbers below are exact as float."""
_DEEPEST = 64
"""Levels of free-form data."""
_LONGEST_NAME = 100
_LONGEST_TOLD = 1000
"""In a message."""
_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class Record:
    """Base of every value that travels between stages.

    Subclasses become frozen dataclasses by being subclasses. Their fields are str, int, float, bool, None,
    other records, tuples of these, or dicts with str keys, with a default, a factory or neither, and no other
    option of `dataclasses.field`. The methods that `dataclass` would write for each class stand here once:
    writing them is a third of what importing edgemed takes a device.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(init=False, eq=False, repr=False)(cls)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = dataclasses.fields(self)
        kind = type(self).__name__
        if len(values) > len(fields):
            raise TypeError(f"{kind}() takes {len(fields)} values, {len(values)} were given")
        for field, value in zip(fields, values, strict=False):
            if field.name in named:
                raise TypeError(f"{kind}() was given {field.name!r} twice")
            named[field.name] = value
        own = vars(self)
        for field in fields:
            if field.name in named:
                own[field.name] = named.pop(field.name)
            elif field.default is not dataclasses.MISSING:
                own[field.name] = field.default
            elif field.default_factory is not dataclasses.MISSING:
                own[field.name] = field.default_factory()
            else:
                raise TypeError(f"{kind}() was not given {field.name!r}")
        if named:
            raise TypeError(f"{kind}() has no {next(iter(named))!r}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """A hook for records that refuse values."""

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r} of a {type(self).__name__}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r} of a {type(self).__name__}")

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        told = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self))
        return f"{type(self).__name__}({told})"

    def to_dict(self) -> dict[str, Any]:
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON form."""
        return digest_of(self.to_dict())

    @classmethod
    def from_dict(cls: type[R], data: Any, where: str = "") -> R:
        """Read strictly: an unknown key, a missing key or a wrong type raises `BadInput`."""
        result: R = _read(cls, data, where or cls.__name__)
        return result

    @classmethod
    def unfold(cls, data: dict[str, Any], where: str) -> dict[str, Any]:
        """A hook for records whose written form is shorter than their fields."""
        return data

    @classmethod
    def from_json(cls: type[R], text: str, where: str = "") -> R:
        """Read strictly; a key given twice or nesting without end is `BadInput` too. However long what stands
        in the text, what is told of it is short."""
        where = where or cls.__name__
        try:
            data = json.loads(text, object_pairs_hook=_unique)
        except ValueError as error:
            raise BadInput(f"not valid JSON: {error}", where=where) from None
        except RecursionError:
            raise BadInput("not valid JSON: nested too deeply", where=where) from None
        try:
            return cls.from_dict(data, where)
        except BadInput as error:
            place = _cut(error.where, len(where) + _LONGEST_TOLD)
            told = _cut(error.problem, _LONGEST_TOLD)
            raise BadInput(told, where=place, remedy=_cut(error.remedy, _LONGEST_TOLD)) from None


def _values(record: Record) -> tuple[Any, ...]:
    return tuple(getattr(record, field.name) for field in dataclasses.fields(record))


def digest_of(value: Any) -> str:
    """sha256 (hex) of a JSON-able value in canonical form: sorted keys, no spaces."""
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        sha = hashlib.sha256()
        while piece := file.read(1 << 20):
            sha.update(piece)
    return sha.hexdigest()


def did_you_mean(word: str, known: typing.Iterable[str]) -> str:
    """`did you mean 'x'?`, whatever the letter case, or the list of what is known."""
    import difflib

    known = list(known)
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=1)
    return f"did you mean {folded[near[0]]!r}?" if near else f"known: {', '.join(known)}"


def _shown(data: Any) -> str:
    """As Python writes it, cut short: whoever sends a file does not decide how long a message is."""
    return _SHORT.repr(data)


def _cut(text: str, longest: int = _LONGEST_NAME) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"key {_shown(key)} is given twice")
        table[key] = value
    return table


def _check_plain(data: Any, where: str, left: int = _DEEPEST) -> None:
    """Free-form data are what JSON can hold: two values that differ have two digests."""
    if not left:
        raise BadInput(f"nested more than {_DEEPEST} deep", where=where)
    if isinstance(data, (dict, list, tuple)):
        for item in data.values() if isinstance(data, dict) else data:
            _check_plain(item, where, left - 1)
    elif isinstance(data, float) and not math.isfinite(data):
        raise BadInput(f"expected a finite number, found {_shown(data)}", where=where)
    elif not isinstance(data, (str, int, float, bool, types.NoneType)):
        raise BadInput(f"expected text, a number, true or false, found {_shown(data)}", where=where)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _read(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        _check_plain(data, where)
        return data
    if origin in (typing.Union, types.UnionType):
        return _read_union(typing.get_args(kind), data, where)
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise BadInput(f"expected a list, found {_shown(data)}", where=where)
        item = typing.get_args(kind)[0]
        return tuple(_read(item, entry, f"{where}[{i}]") for i, entry in enumerate(data))
    if origin is dict:
        if not isinstance(data, dict):
            raise BadInput(f"expected a table, found {_shown(data)}", where=where)
        item = typing.get_args(kind)[1]
        return {str(key): _read(item, entry, f"{where}.{_cut(str(key))}") for key, entry in data.items()}
    if origin is typing.Literal:
        if data not in typing.get_args(kind):
            names = [str(choice) for choice in typing.get_args(kind)]
            raise BadInput(
                f"{_shown(data)} is not allowed here",
                where=where,
                remedy=did_you_mean(_cut(data) if isinstance(data, str) else _shown(data), names),
            )
        return data
    if isinstance(kind, type) and issubclass(kind, Record):
        return _read_record(kind, data, where)
    return _read_scalar(kind, data, where)


def _read_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    problems = []
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _read(kind, data, where)
        except BadInput as error:
            problems.append(error)
    raise problems[-1]


def _read_record(kind: type[Record], data: Any, where: str) -> Record:
    if isinstance(data, kind):
        return data
    if not isinstance(data, dict):
        raise BadInput(f"expected a table, found {_shown(data)}", where=where)
    data = kind.unfold(data, where)
    hints = _hints(typing.cast("Any", kind))
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in data:
        if key not in fields:
            raise BadInput(f"unknown key {_cut(key)!r}", where=where, remedy=did_you_mean(_cut(key), fields))
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _read(hints[name], data[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise BadInput(f"missing key {name!r}", where=where)
    return kind(**values)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool) and abs(data) < _LARGEST:
        return float(data)
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise BadInput(f"expected {kind.__name__}, found {_shown(data)}", where=where)
    if isinstance(data, float) and not math.isfinite(data):
        raise BadInput(f"expected a finite number, found {_shown(data)}", where=where)
    return data
