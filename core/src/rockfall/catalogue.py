"""A catalogue: everything of one kind that was registered, found by bare or full name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from rockfall.errors import AmbiguousName, UnknownName, did_you_mean
from rockfall.kit.blame import belongs
from rockfall.specs import Spec, counted_kind

S = TypeVar("S", bound=Spec)


class Entry(NamedTuple, Generic[S]):
    """A spec and the distribution that registered it."""

    owner: str
    spec: S

    @property
    def full_name(self) -> str:
        return f"{self.owner}:{self.spec.name}"


class Catalogue(Generic[S]):
    """Specs of one kind. Two owners may share a name; then only the full names find them."""

    def __init__(self, kind: type[S]) -> None:
        self.kind = kind
        self._by_name: dict[str, list[Entry[S]]] = {}

    def add(self, owner: str, spec: S) -> None:
        object.__setattr__(spec, "owner", owner)  # a failure of its code names it
        belongs(spec.target, owner)
        self._by_name.setdefault(spec.name, []).append(Entry(owner, spec))

    def owners(self, name: str) -> list[str]:
        """The distributions that registered this bare name."""
        return [entry.owner for entry in self._by_name.get(name, [])]

    def __iter__(self) -> Iterator[Entry[S]]:
        for name in sorted(self._by_name):
            yield from self._by_name[name]

    def as_registered(self) -> Iterator[Entry[S]]:
        """Every entry in the order of registration, where `iter` goes by name."""
        for entries in self._by_name.values():
            yield from entries

    def __len__(self) -> int:
        return sum(map(len, self._by_name.values()))

    def shown_name(self, entry: Entry[S]) -> str:
        """The shortest name that finds this entry."""
        return entry.spec.name if len(self._by_name[entry.spec.name]) == 1 else entry.full_name

    def names(self) -> list[str]:
        """The shortest name of every entry."""
        return [self.shown_name(entry) for entry in self]

    def get(self, name: str) -> Entry[S] | None:
        """The entry of a bare or full name, or None. Raises AmbiguousName."""
        owner, _, bare = name.rpartition(":")
        found = [e for e in self._by_name.get(bare, []) if owner in ("", e.owner)]
        if len(found) > 1:
            full = " and ".join(entry.full_name for entry in found)
            several = counted_kind(len(found), self.kind.kind)
            raise AmbiguousName(f"{name} is the name of {several}: {full}")
        return found[0] if found else None

    def find(self, name: str) -> Entry[S]:
        """As `get`, but an unknown name raises UnknownName with a suggestion."""
        entry = self.get(name)
        if entry is None:
            hint = did_you_mean(name, self.names()) or f"; `{self.kind.listed_by}`"
            owner = name.rpartition(":")[0]
            if owner and all(owner != other.owner for other in self):  # as of an old run's model
                hint = f"; `rockfall install {owner}` may bring it"
            raise UnknownName(f"no {self.kind.kind} named {name}{hint}")
        return entry
