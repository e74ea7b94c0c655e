"""What each bad document must be told: its first lines, one problem each, word for word.

`python -m tests.protocol.expectations` writes those lines anew after a message or a check has changed, and
the generated part of docs/documents.md; read the difference before keeping it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from allstop.protocol import reference
from tests.protocol.projects import DOCUMENTS, project

BAD = sorted((DOCUMENTS / "bad").glob("*/*.yaml"))
_MARK = b"# expect: "
PAGE = DOCUMENTS.parents[1] / "docs" / "documents.md"
MARK = "<!-- from here on generated: allstop.protocol.reference() -->\n"


def file_of(path: Path) -> str:
    """Which document of a project it stands for: the word before the first hyphen."""
    name = path.stem.partition("-")[0] + ".yaml"
    return f"playbooks/{name}" if name == "playbook.yaml" else name


def expected(path: Path) -> list[str]:
    """The problems of the first lines, in their order."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        if not line.startswith(_MARK):
            break
        found.append(line.removeprefix(_MARK).decode())
    assert found, f"{path} expects nothing"
    return found


def problems_of(content: bytes, path: Path, folder: Path) -> list[str]:
    return [str(each) for each in project(folder, replaced={file_of(path): content}).problems]


def rewrite(path: Path) -> None:
    """Put the problems found into the first lines; they count as lines of the document themselves."""
    lines = path.read_bytes().split(b"\n")
    while lines and lines[0].startswith(_MARK):
        del lines[0]
    body, head = b"\n".join(lines), b"# expect: nothing yet\n"
    for _ in range(3):
        with TemporaryDirectory() as folder:
            found = problems_of(head + body, path, Path(folder))
        head = b"".join(_MARK + each.encode() + b"\n" for each in found)
    path.write_bytes(head + body)


if __name__ == "__main__":
    for each in BAD:
        rewrite(each)
    before = PAGE.read_text("utf-8").split(MARK)[0]
    PAGE.write_text(before + MARK + reference(), "utf-8")
