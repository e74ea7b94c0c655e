"""Each direct dependency is asked for on purpose: pinned, and with a row in docs/dependencies.md."""

import re
import tomllib

from tests.architecture.tree import ROOT

REQUIREMENTS = ROOT / "requirements"
BUILD_TOOLS = {"hatchling"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(lines: list[str]) -> set[str]:
    names = (re.match(r"[A-Za-z0-9][\w.-]*", line.strip()) for line in lines)
    return {plain(match.group()) for match in names if match}


def in_file(name: str) -> set[str]:
    return asked_for((REQUIREMENTS / name).read_text("utf-8").splitlines())


def in_project() -> set[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return asked_for(tomllib.load(file)["project"]["dependencies"])


def pins(name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for line in (REQUIREMENTS / name).read_text("utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([^ ;]+)", line):
            versions.setdefault(plain(match[1]), set()).add(match[2])
    return versions


def test_pyproject_and_core_ask_for_the_same() -> None:
    assert in_project() == in_file("core.in") - BUILD_TOOLS


def test_each_direct_dependency_has_its_row() -> None:
    table = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    rows = {plain(name) for name in re.findall(r"^\| `([\w.-]+)`", table, re.MULTILINE)}
    files = (
        *("core.in", "test.in", "bench.in", "agents.in"),
        *("shims.in", "shims-crewai.in", "lock.in"),
    )
    asked = set[str]().union(*map(in_file, files))
    assert asked - rows == set(), "write a row: what for, why this one, licence, alternative"
    assert rows - asked == set(), "nobody asks for these any more"


def test_each_direct_dependency_is_pinned() -> None:
    assert in_file("core.in") <= pins("core.txt").keys()
    assert in_file("test.in") <= pins("test.txt").keys()
    assert in_file("bench.in") <= pins("bench.txt").keys()
    assert in_file("agents.in") <= pins("agents.txt").keys()
    assert in_file("shims.in") <= pins("shims.txt").keys()
    assert in_file("shims-crewai.in") <= pins("shims-crewai.txt").keys()


def test_what_allstop_is_measured_beside_is_nothing_it_needs() -> None:
    """Ansible is under the GPL, so it stays in an environment of its own."""
    ours = pins("core.txt").keys() | pins("test.txt").keys()
    assert in_file("bench.in") & ours == set()


def test_tests_run_against_the_very_versions_people_get() -> None:
    core, test = pins("core.txt"), pins("test.txt")
    assert core == {name: test.get(name) for name in core}


def test_every_pin_has_hashes() -> None:
    names = ("core", "test", "bench", "agents", "shims", "shims-crewai", "lock")
    for name in (f"{one}.txt" for one in names):
        text = (REQUIREMENTS / name).read_text("utf-8")
        blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        bare = [block.split()[0] for block in blocks if "--hash=sha256:" not in block]
        assert blocks, f"{name} pins nothing"
        assert not bare, f"{name} pins these without a hash: {bare}"
