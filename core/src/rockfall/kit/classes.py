"""Classes by their names, as they are typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rockfall.errors import UsageError, did_you_mean

__all__ = ["class_label", "find_class", "unknown_class"]

LISTED = 12


def find_class(classes: Sequence[str], wanted: str) -> int | None:
    """The label of a class by its name, in any case if that leaves no doubt; None if there is none
    of that name.
    """
    alike: tuple[Callable[[str], str], ...] = (str, str.casefold)
    for form in alike:
        forms = [form(known) for known in classes]
        if forms.count(form(wanted)) == 1:
            return forms.index(form(wanted))
    return None


def unknown_class(source: str, classes: Sequence[str], wanted: str) -> UsageError:
    """The error for a class that a source does not have, which says what it has."""
    more = ", …" if len(classes) > LISTED else ""
    known = f"; it has {', '.join(classes[:LISTED])}{more}" if classes else ", nor any other"
    hint = did_you_mean(wanted, classes)
    return UsageError(f"{source} has no class {wanted}{hint or known}")


def class_label(source: str, classes: Sequence[str], wanted: str) -> int:
    """The label of a class by its name, or else by its number. Raises UsageError for neither."""
    label = find_class(classes, wanted)
    if label is None and wanted.isdecimal() and int(wanted) < len(classes):
        label = int(wanted)
    if label is None:
        raise unknown_class(source, classes, wanted)
    return label
