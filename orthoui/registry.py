"""A named collection: built-ins and additions enter through the same door."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from orthoui.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names mapped to entries of one kind; a duplicate is refused, an unknown name is explained.

    >>> scores = Registry[int]("score")
    >>> scores.add("one")(1)
    1
    >>> scores["one"], list(scores)
    (1, ['one'])
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument under ``name``."""

        def register(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"The {self.kind} “{name}” is registered twice.")
            self._entries[name] = entry
            return entry

        return register

    def remove(self, name: str) -> None:
        """Take an entry out again. Raises ``UnknownNameError`` for a name that is not there."""
        self[name]
        del self._entries[name]

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
