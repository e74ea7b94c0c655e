"""The documents `allstop init` begins a project with."""

from __future__ import annotations

import re
from importlib.resources import files

TEMPLATES = ("protocol.yaml", "fleet.yaml", "roster.yaml", "allstop.toml")


def starter(name: str, login: str) -> dict[str, str]:
    """Text by file name. name: of the protocol; login: user who becomes the first person, the owner.

    What may not stand in a name is replaced by `-`, so the documents always pass their check.
    """
    folder = files("allstop.protocol") / "templates"
    texts = {template: (folder / template).read_text("utf-8") for template in TEMPLATES}
    return {
        template: text.replace("__NAME__", _quoted(name, "team")).replace(
            "__LOGIN__", _quoted(login, "owner")
        )
        for template, text in texts.items()
    }


def _quoted(name: str, otherwise: str) -> str:
    """A name the reader takes as text: `null`, `true` or `17` would be something else unquoted."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]", "-", name).lstrip("_.-")[:64] or otherwise
    special = cleaned in {"null", "true", "false"} or cleaned.isdigit()
    return f'"{cleaned}"' if special else cleaned
