"""`import rockfall` offers what it says, however much else of it was imported before."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import rockfall


def test_every_public_name_is_there_and_no_submodule_hides_it() -> None:
    for module in pkgutil.iter_modules(rockfall.__path__, "rockfall."):
        importlib.import_module(module.name)
    for name in rockfall.__all__:
        assert not isinstance(getattr(rockfall, name), ModuleType), f"rockfall.{name} is a module"
        getattr(rockfall, name)  # a second time, for the first may have imported something
        assert not isinstance(getattr(rockfall, name), ModuleType)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rockfall.nothing  # noqa: B018
