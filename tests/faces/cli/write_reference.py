"""`python -m tests.faces.cli.write_reference` writes docs/cli.md."""

from pathlib import Path

from allstop.faces.cli.entry import command_group
from allstop.faces.cli.reference import reference
from allstop.settings import SETTINGS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"


def text() -> str:
    rows = [
        (one.name if not one.secret else "-", one.variable, one.default, one.help)
        for one in SETTINGS
    ]
    return reference(command_group({}), rows)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
