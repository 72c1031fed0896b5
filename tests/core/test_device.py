"""At which precision a run computes: what was asked, or a wish that the device grants."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rockfall.errors import UsageError
from rockfall.kit.devices import choose_precision, gains

CPU = torch.device("cpu")


def cpu_with(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_auto_is_the_wish_where_the_cpu_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], chosen: str
) -> None:
    cpu_with(monkeypatch, **capabilities)
    assert choose_precision("auto", CPU, "bf16") == chosen
    assert choose_precision("auto", CPU) == "float32"


def test_a_torch_that_can_not_tell_takes_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("auto", CPU, "bf16") == "float32"


@pytest.mark.parametrize("can", [True, False])
def test_auto_on_cuda(monkeypatch: pytest.MonkeyPatch, can: bool) -> None:
    def supported(**_: Any) -> bool:
        return can

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert gains(torch.device("cuda"), "bf16") == can
    assert not gains(torch.device("cuda"), "fp16")


def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu_with(monkeypatch)
    for name in ("float32", "bf16", "fp16"):
        assert choose_precision(name, CPU, "bf16") == name
    with pytest.raises(UsageError, match=r"no precision bf61: .*mean bf16"):
        choose_precision("bf61", CPU)
