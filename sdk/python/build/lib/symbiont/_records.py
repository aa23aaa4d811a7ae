from __future__ import annotations

from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Type, TypeVar

R = TypeVar("R", bound="Record")


class Record(Dict[str, Any]):
    """A JSON object of the API: ``job.next_run`` is ``job["next_run"]``.

    Keys that a record may lack are None as attributes. Keys that this version does not know are there as well. A name
    that Python needs itself has an underscore after it: ``backfill.from_``.
    """

    __slots__ = ()
    _optional: ClassVar[FrozenSet[str]] = frozenset()
    _nested: ClassVar[Mapping[str, Type[Record]]] = {}

    def __getattr__(self, name: str) -> Any:
        for key in (name, name[:-1] if name.endswith("_") else name):
            if key in self:
                return self[key]
            if key in self._optional:
                return None
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"


def record(cls: Type[R], value: Any) -> Any:
    """JSON with its objects as records: ``cls``, and what its keys hold."""
    if isinstance(value, list):
        return [record(cls, item) for item in value]
    if isinstance(value, dict):
        return cls((key, record(cls._nested.get(key, Record), item)) for key, item in value.items())
    return value
