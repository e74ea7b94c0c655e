"""The demo registry of these tests is their own, so that no real demo is touched."""

import tempfile
from collections.abc import Iterator

import pytest

from tests.sandbox.living import Living, living_sandbox


@pytest.fixture(scope="package", autouse=True)
def _own_registry() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="as-") as folder:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A shop that sells; each test leaves it selling."""
    with living_sandbox(tmp_path_factory.mktemp("shop") / "s", "--rate", "25") as living:
        yield living
