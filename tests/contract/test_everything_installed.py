"""The conformance kit over everything that is installed, ours and others'."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest

from rockfall.errors import Unavailable
from rockfall.registry import registry
from rockfall.testing import (
    check_dataset,
    check_environment,
    check_model,
    check_picture,
    check_registration,
)

pytestmark = pytest.mark.long


def no_network(*_: object, **__: object) -> NoReturn:
    """What is not on this machine is not downloaded for a test."""
    raise OSError("tests stay off the network")


PLUGINS = sorted({plugin.distribution for plugin in registry().plugins})


@pytest.mark.parametrize("distribution", PLUGINS)
def test_plugin(distribution: str) -> None:
    check_registration(distribution)


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().models])
def test_model(name: str) -> None:
    check_model(name)


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().datasets])
def test_dataset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    try:
        check_dataset(name)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().pictures])
def test_picture(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    try:
        check_picture(name)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().environments])
def test_environment(name: str) -> None:
    check_environment(name)
