"""What no file of the project may hold: one machine's paths, addresses of registries, blanket ignores."""

import re

import pytest

from tests.architecture.tree import short, texts

# Written in a roundabout way, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.~\-/])/(?:wor[k]|roo[t])/")
REGISTRIES = [
    "pypi." + "org",
    "files.python" + "hosted.org",
    "registry." + "npmjs.org",
    "deb." + "debian.org",
    "index" + "-url",
    "find" + "-links",
]
BLANKET_IGNORE = re.compile(r"#\s*type:\s*ignore(?!\[)")


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{short(path)}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_paths_of_one_machine() -> None:
    assert not found(MACHINE_PATH)


@pytest.mark.parametrize("address", REGISTRIES)
def test_no_addresses_of_registries(address: str) -> None:
    assert not found(re.compile(re.escape(address)))


def test_every_type_ignore_names_what_it_ignores() -> None:
    in_code = [line for line in found(BLANKET_IGNORE) if line.partition(":")[0].endswith(".py")]
    assert not in_code


@pytest.mark.parametrize("folder", ["work", "root"])
@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("cd /{}/main", True),
        ("'/{}/.cache'", True),
        ("see docs/{}/plan.md", False),
        ("~/{}/plan.md", False),
    ],
)
def test_the_search_for_paths_finds_what_it_should(folder: str, text: str, *, caught: bool) -> None:
    assert bool(MACHINE_PATH.search(text.format(folder))) is caught
