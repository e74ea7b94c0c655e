"""The adapters page says what the adapters say, and its example is Python that Allstop would take."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from allstop.plugins import GROUP, InstalledAdapters

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adapters.md"


def test_the_page_is_made_from_what_the_adapters_say() -> None:
    """Given the adapters, when the page is made again, then it has not changed."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "adapters_page.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout + found.stderr


def test_the_example_is_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the page's example in a module, when it is loaded as a plug-in, then nothing is wrong with it."""
    example = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "lamps.py").write_text(example[1], "utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    adapters = InstalledAdapters([EntryPoint("lamp", "lamps:Lamps", GROUP)])

    assert adapters.unavailable() == {}
    assert [info.name for info in adapters.infos()] == ["lamp"]
