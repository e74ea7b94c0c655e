"""A link as a QR code on the terminal, for a phone that looks at the screen."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import zip_longest

from allstop.errors import Missing

# What readers need around a code, in modules.
QUIET_ZONE = 4
_BLACK_ON_WHITE, _AS_BEFORE = "\x1b[30;107m", "\x1b[0m"


def drawn(text: str, *, coloured: bool) -> list[str]:
    """A code as lines of half blocks, two rows of modules a line. Raises Missing without the extra `qr`.

    coloured: black on white, whatever the terminal has; otherwise its own light on its own dark, which readers take as well.
    """
    rows = modules(text)
    lines = []
    for upper, lower in zip_longest(rows[::2], rows[1::2], fillvalue=()):
        cells = zip_longest(upper, lower, fillvalue=False)
        line = "".join(_cell(top, bottom, ink=coloured) for top, bottom in cells)
        lines.append(f"{_BLACK_ON_WHITE}{line}{_AS_BEFORE}" if coloured else line)
    return lines


def need_segno() -> None:
    """Raises Missing without the extra `qr`."""
    if find_spec("segno") is None:
        raise Missing("to draw a QR code takes the extra `qr`", "pip install 'allstop[qr]'")


def modules(text: str) -> list[list[bool]]:
    """The modules of a code with the quiet zone around it; True is dark. Raises Missing without the extra `qr`."""
    need_segno()
    code = import_module("segno").make_qr(text, error="m")
    return [[bool(one) for one in row] for row in code.matrix_iter(border=QUIET_ZONE)]


def _cell(top: bool, bottom: bool, *, ink: bool) -> str:
    """One character for two modules. ink: it draws the dark ones; otherwise the light ones."""
    return {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}[
        (top is ink, bottom is ink)
    ]
