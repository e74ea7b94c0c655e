"""Allstop: incident command for services and AI agents."""

from __future__ import annotations

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The check inside programs is loaded when somebody asks for it: `allstop` alone loads nothing. Its types: `__init__.pyi`."""
    if name in ("AllstopHalted", "check", "may"):
        # An import statement would make every module that knows this package know the check.
        checking = __import__("allstop.shims.checking", fromlist=[name])
        found: object = getattr(checking, name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
