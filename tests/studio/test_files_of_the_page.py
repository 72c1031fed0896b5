"""No path leads out of the page's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rockfall_studio import serving as studio_serving
from rockfall_studio.studio import Studio
from tests.studio.in_process import InThread, serving

PAGE = Path(studio_serving.__file__).parent / "page"
SECRET = b"nobody may read this"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InThread]:
    """Its page lies beside a file that is none of it, to which links in it lead."""
    folder = tmp_path_factory.mktemp("studio")
    (folder / "secret.txt").write_bytes(SECRET)
    (folder / "page-of-another").mkdir()
    (folder / "page-of-another" / "secret.txt").write_bytes(SECRET)
    page = folder / "page"
    (page / "views").mkdir(parents=True)
    (page / "index.html").write_text("the page")
    (page / "main.js").write_text("1;")
    (page / "link.txt").symlink_to(folder / "secret.txt")
    (page / "out").symlink_to(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio_serving, "PAGE", page)
        with serving(Studio(folder / "runs")) as found:
            yield found


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e%252fsecret.txt",
        "/views/../../secret.txt",
        "/views/%2e%2e/%2e%2e/secret.txt",
        "/views//../..//secret.txt",
        "/../page-of-another/secret.txt",
        "/%2e%2e/page-of-another/secret.txt",
        "/....//secret.txt",
        "/.%00./secret.txt",
        "/%00",
        "/main.js%00.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/link.txt",
        "/out/secret.txt",
        "/out",
        "//etc/passwd",
        "///etc/passwd",
        "/%2fetc%2fpasswd",
        "/file:///etc/passwd",
        "http://evil.example/etc/passwd",
        "/views",
        "/" + "a" * 5000,
        "/" + "a/" * 2000,
        "/main.js/../../secret.txt",
        "/con",
        "/~root",
    ],
)
def test_a_path_that_leads_out_leads_nowhere(served: InThread, path: str) -> None:
    answer = served.get(path)
    assert answer.status in (307, 400, 404), answer
    assert SECRET not in answer.body
    assert b"root:" not in answer.body
    assert "evil.example" not in answer.header("location")
    assert "Traceback" not in answer.body.decode("latin-1")


def test_what_is_there_is_found(served: InThread) -> None:
    assert served.get("/").body == b"the page"
    found = served.get("/main.js")
    assert found.status == 200
    assert found.header("content-type").startswith("text/javascript")
    assert served.get("/main.js", method="HEAD").body == b""


def test_every_file_of_the_page_has_a_type_that_browsers_believe() -> None:
    known = {".html", ".js", ".css", ".svg", ".png", ".json"}
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    assert files
    assert {path.suffix for path in files} <= known


def test_no_module_of_the_page_writes_markup_or_reaches_another_host() -> None:
    """What the policy forbids in a browser is found here without one."""
    forbidden = (
        *(
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ),
        *("https://", "http://", "import("),
    )
    allowed = ('"http://www.w3.org/2000/svg"',)
    for path in PAGE.rglob("*.js"):
        text = path.read_text()
        for known in allowed:
            text = text.replace(known, "")
        code = "\n".join(
            line.partition("//")[0] if " // " in line else line for line in text.splitlines()
        )
        for word in forbidden:
            assert word not in code, f"{path.name}: {word}"
