"""Reading the published format: what was written comes back, and every damage is one line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import RockfallError
from rockfall_style.manifest import MANIFEST, read_style, write_manifest
from rockfall_style.transform_network import TransformNetwork

KERNELS = [
    (9, 9, 3, 32),
    (3, 3, 32, 64),
    (3, 3, 64, 128),
    *[(3, 3, 128, 128)] * 10,
    (3, 3, 64, 128),  # transposed: height, width, out, in
    (3, 3, 32, 64),
    (9, 9, 32, 3),
]
"""As published."""


OUTS = [32, 64, 128, *[128] * 10, 64, 32, 3]


def shapes() -> dict[str, list[int]]:
    """Of a kernel, a shift and a scale a layer, in turn."""
    all_of_them = [
        shape
        for kernel, out in zip(KERNELS, OUTS, strict=True)
        for shape in (kernel, (out,), (out,))
    ]
    return {
        f"Variable_{number}" if number else "Variable": list(shape)
        for number, shape in enumerate(all_of_them)
    }


def lay(folder: Path, seed: int = 0) -> dict[str, np.ndarray]:
    """A style of random numbers; returns them."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    values = {}
    for name, shape in shapes().items():
        values[name] = random.standard_normal(shape).astype("<f4")
        (folder / name).write_bytes(values[name].tobytes())
    manifest = {name: {"filename": name, "shape": shape} for name, shape in shapes().items()}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay(tmp_path / "style")
    return tmp_path / "style"


def test_kernels_are_turned_and_shift_comes_before_scale(folder: Path) -> None:
    values = lay(folder)
    network = read_style(folder)
    layers = list(network.layers())
    assert len(layers) == 16
    for place, layer in enumerate(layers):
        kernel, shift, scale = (
            values[f"Variable_{n}" if n else "Variable"] for n in range(3 * place, 3 * place + 3)
        )
        np.testing.assert_array_equal(layer.shift.detach(), shift)
        np.testing.assert_array_equal(layer.scale.detach(), scale)
        weight = layer.weight.detach().numpy()
        if place in (13, 14):  # (in, out, H, W) here, (H, W, out, in) there
            np.testing.assert_array_equal(weight[5, 3, 2, 1], kernel[2, 1, 3, 5])
        else:  # (out, in, H, W) here, (H, W, in, out) there
            np.testing.assert_array_equal(weight[2, 1, 0, 2], kernel[0, 2, 1, 2])
        assert weight.size == kernel.size and math.isclose(weight.sum(), kernel.sum(), rel_tol=1e-2)
    assert not network.training


def test_a_manifest_of_ours_is_as_published(folder: Path) -> None:
    published = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).unlink()
    write_manifest(folder)
    assert json.loads((folder / MANIFEST).read_text()) == published
    read_style(folder)


def test_other_variables_and_other_names_of_files(folder: Path) -> None:
    """An optimizer's are not even looked at; where a variable lies, the manifest says."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["Variable_Adam"] = {"filename": "missing", "shape": [1]}
    (folder / "Variable").rename(folder / "first.bin")
    manifest["Variable"]["filename"] = "first.bin"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / "Variable_1_Adam").write_bytes(b"123")
    read_style(folder)


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        change(manifest)
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return apply


def not_finite(folder: Path) -> None:
    values = np.fromfile(folder / "Variable_4", "<f4")
    values[7] = np.nan
    (folder / "Variable_4").write_bytes(values.tobytes())


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), r"can't read .*manifest\.json: No such"),
    "no JSON": (lambda f: (f / MANIFEST).write_text("{"), r"manifest\.json is damaged"),
    "a list": (lambda f: (f / MANIFEST).write_text("[]"), "names no variables"),
    "a variable is not named": (edit(lambda m: m.pop("Variable_47")), "has no Variable_47"),
    "an entry is no object": (edit(lambda m: m.update(Variable_2=3)), "has no Variable_2"),
    "a shape is another": (
        edit(lambda m: m["Variable_3"].update(shape=[3, 3, 32, 65])),
        r"Variable_3 has shape \[3, 3, 32, 65\], and in this network \[3, 3, 32, 64\]",
    ),
    "another network": (
        edit(lambda m: m["Variable_1"].update(shape=[16])),
        r"Variable_1 has shape \[16\]",
    ),
    "a file elsewhere": (
        edit(lambda m: m["Variable_1"].update(filename="../secret")),
        "no file of this folder",
    ),
    "the folder above": (
        edit(lambda m: m["Variable_1"].update(filename="..")),
        "no file of this folder",
    ),
    "no name of a file": (
        edit(lambda m: m["Variable_1"].update(filename="a\0b")),
        "no file of this folder",
    ),
    "no file name": (edit(lambda m: m["Variable_1"].pop("filename")), "no file of this folder"),
    "a file is missing": (lambda f: (f / "Variable_30").unlink(), "can't read .*Variable_30"),
    "a file is a folder": (
        lambda f: ((f / "Variable_30").unlink(), (f / "Variable_30").mkdir()),
        "Variable_30",
    ),
    "a file is cut short": (
        lambda f: (f / "Variable_5").write_bytes(b"1234"),
        r"Variable_5 has 4 bytes, and its shape takes 256",
    ),
    "a file is too long": (
        lambda f: (f / "Variable_5").write_bytes(bytes(257)),
        r"Variable_5 has 257 bytes, and its shape takes 256",
    ),
    "not finite": (not_finite, "Variable_4 is damaged: it holds numbers that are not finite"),
}


@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_line(folder: Path, damage: str) -> None:
    do, wanted = DAMAGES[damage]
    do(folder)
    with pytest.raises(RockfallError, match=wanted) as error:
        read_style(folder)
    assert "\n" not in str(error.value)


@pytest.mark.long
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 47), st.integers(1, 200_000), st.sampled_from(["cut", "grown"]))
def test_any_other_length_of_any_file_is_told(
    tmp_path_factory: pytest.TempPathFactory, number: int, by: int, how: str
) -> None:
    folder = tmp_path_factory.mktemp("style")
    lay(folder)
    path = folder / (f"Variable_{number}" if number else "Variable")
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - by)] if how == "cut" else content + bytes(by))
    with pytest.raises(RockfallError, match=rf"{path.name} has [\d,]+ bytes"):
        read_style(folder)


def test_a_style_makes_a_picture(folder: Path) -> None:
    with torch.no_grad():
        made = read_style(folder)(torch.rand(1, 3, 32, 32) * 255)
    assert made.isfinite().all()


def test_the_network_of_a_manifest_is_the_published_one() -> None:
    with torch.device("meta"):
        assert len(list(TransformNetwork().parameters())) == len(shapes())
