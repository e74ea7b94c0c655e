"""Files and functions stay small enough to be read in one sitting, under names that say something."""

import ast

from tests.architecture.tree import ROOT, SOURCE, modules, parsed, short

LINES_PER_FILE = 400
LINES_PER_FUNCTION = 60
NAMES_THAT_SAY_NOTHING = {
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "shared",
    "stuff",
    "util",
    "utils",
}
ALLOWED_LONGER = ROOT / "tests" / "architecture" / "allowed-longer.txt"


def allowed() -> set[str]:
    """Lines «path | why» or «path:function | why»; every one must still be needed."""
    lines = [line for line in ALLOWED_LONGER.read_text("utf-8").splitlines() if line.strip()]
    entries = [line.partition("|") for line in lines if not line.startswith("#")]
    assert all(why.strip() for _, _, why in entries), "each exception gives its reason"
    return {name.strip() for name, _, _ in entries}


def long_files() -> dict[str, int]:
    lengths = {short(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    return {name: length for name, length in lengths.items() if length > LINES_PER_FILE}


def long_functions() -> dict[str, int]:
    found = {}
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LINES_PER_FUNCTION:
                    found[f"{short(path)}:{node.name}"] = length
    return found


def test_no_file_is_longer_than_one_sitting() -> None:
    too_long = {name: n for name, n in long_files().items() if name not in allowed()}
    assert not too_long, f"split by subject (limit {LINES_PER_FILE} lines): {too_long}"


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {name: n for name, n in long_functions().items() if name not in allowed()}
    assert not too_long, f"name the parts (limit {LINES_PER_FUNCTION} lines): {too_long}"


def test_every_exception_is_still_needed() -> None:
    needless = allowed() - long_files().keys() - long_functions().keys()
    assert not needless, f"take out of {ALLOWED_LONGER.name}: {needless}"


def test_module_names_say_what_is_inside() -> None:
    parts = {
        short(path): {*path.relative_to(SOURCE).with_suffix("").parts} & NAMES_THAT_SAY_NOTHING
        for path in modules()
    }
    vague = {name: words for name, words in parts.items() if words}
    assert not vague, f"name the subject instead: {vague}"
