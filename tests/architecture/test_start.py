"""Asking for help is quick: it loads nothing that only a running coordinator needs."""

import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT, SOURCE

HEAVY = (
    "asyncio",
    "cryptography",
    "httpx",
    "jinja2",
    "msgspec",
    "prometheus_client",
    "psutil",
    "pydantic",
    "rich",
    "sqlite3",
    "starlette",
    "structlog",
    "uvicorn",
    "uvloop",
    "yaml",
)

ASK_FOR_HELP = f"""
import sys
sys.argv = ["allstop", "--help"]
from allstop.__main__ import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print("loaded:", *sorted(set({HEAVY!r}) & set(sys.modules)))
"""


@pytest.mark.skipif(not (SOURCE / "__main__.py").exists(), reason="there is no command line yet")
def test_help_loads_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-c", ASK_FOR_HELP], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout
    loaded = result.stdout.splitlines()[-1].removeprefix("loaded:").split()
    assert not loaded, "import these inside the commands that need them"
