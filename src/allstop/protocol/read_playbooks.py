"""The files of `playbooks/` and the built-in ones: found, read, and merged with what they extend."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from allstop.domain.verdict import nearest
from allstop.protocol.document_playbook import PlaybookDocument
from allstop.protocol.inherit import Source, empty_values, merge, read_source
from allstop.protocol.problems import Place, Problem, problem
from allstop.protocol.reader import QUICK, Node, read
from allstop.protocol.shape import Document, shape

FOLDER = "playbooks"
# How the file of a built-in one is called in problems.
BUILT_IN = "built-in/"
# More are a slip: somebody pointed the project at the wrong folder.
MOST_FILES = 100

Playbooks = tuple[Document[PlaybookDocument], ...]
Chain = tuple[str, ...]


@lru_cache(maxsize=1)
def built_in() -> tuple[str, ...]:
    """Names of the playbooks that `extends` may name."""
    folder = files("allstop.protocol") / FOLDER
    return tuple(
        sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


@lru_cache(maxsize=16)
def built_in_text(name: str) -> str:
    """The text of a built-in playbook. Raises FileNotFoundError."""
    return (files("allstop.protocol") / FOLDER / f"{name}.yaml").read_text("utf-8")


def read_playbooks(folder: Path) -> tuple[Playbooks, dict[str, Chain], tuple[Problem, ...]]:
    """The playbooks of a project folder, by file name; what each extends, by file; and what is wrong."""
    found, chains, problems = [], {}, list[Problem]()
    files_, said = _files(folder)
    problems += said
    for path in files_:
        shown = f"{FOLDER}/{path.name}"
        root, chain, wrong = _read_chain(Source(shown, path))
        problems += wrong
        if root is None:
            continue
        document, wrong = shape(root, PlaybookDocument, shown)
        problems += wrong
        found.append(document)
        chains[shown] = chain
    return tuple(found), chains, tuple(problems)


def read_built_in(name: str) -> Document[PlaybookDocument]:
    """A built-in playbook by itself. Raises FileNotFoundError."""
    root = _built_in_root(name)
    document, problems = shape(root, PlaybookDocument, f"{FOLDER}/{name}.yaml")
    assert not problems, problems
    return document


@lru_cache(maxsize=16)
def _built_in_root(name: str) -> Node:
    root, problems = read(built_in_text(name), f"{BUILT_IN}{name}.yaml", QUICK)
    assert root is not None, problems
    return root


def _files(folder: Path) -> tuple[list[Path], list[Problem]]:
    """The files in their order. What lies beside them and looks like one is said not to be read."""
    here = folder / FOLDER
    try:
        entries = sorted(here.iterdir(), key=lambda path: path.name)
    except FileNotFoundError:
        return [], []
    except OSError as error:
        where = Place(FOLDER, 1, 1)
        text = f"{FOLDER}: {error.strerror or error}"
        return [], [problem("AP001", where, text, "it holds playbooks, one file each")]
    found = [path for path in entries if path.suffix == ".yaml"]
    beside = [path for path in entries if path.suffix in (".yml", ".json") and path.is_file()]
    said = [
        problem(
            "AP188", Place(f"{FOLDER}/{path.name}", 1, 1), f"{path.name} is not read",
            f"call it {path.stem}.yaml",
        )
        for path in beside
    ]  # fmt: skip
    if len(found) > MOST_FILES:
        text = f"{len(found)} files, and at most {MOST_FILES} are read"
        said.append(problem("AP027", Place(FOLDER, 1, 1), text, "keep the ones that are in use"))
    return found[:MOST_FILES], said


def _read_chain(source: Source) -> tuple[Node | None, Chain, tuple[Problem, ...]]:
    """A playbook with everything it extends merged in; every node keeps the place it was written at."""
    problems: list[Problem] = []
    roots: list[Node] = []
    names: list[str] = []
    seen = {source.identity}
    following: Source | None = source
    blame = Place(source.shown, 1, 1)
    while following is not None:
        root, wrong = _root(following, blame)
        problems += wrong
        if root is None:
            return None, tuple(names), tuple(problems)
        problems += empty_values(root)
        roots.append(root)
        entry = root.value.get("extends") if isinstance(root.value, dict) else None
        step, said = _next(following, entry)
        problems += said
        if entry is not None and step is not None:
            blame = entry.place
            if step.identity in seen:
                text = f"`extends: {entry.value}` leads back to itself"
                problems.append(problem("AP031", blame, text))
                return None, tuple(names), tuple(problems)
            seen.add(step.identity)
            names.append(str(entry.value))
        elif said:
            return None, tuple(names), tuple(problems)
        following = step
    merged = roots.pop()
    while roots:
        merged = merge(merged, roots.pop())
    return merged, tuple(names), tuple(problems)


def _root(source: Source, blame: Place) -> tuple[Node | None, tuple[Problem, ...]]:
    if source.path is None:
        return _built_in_root(source.pack), ()
    return read_source(source, blame)


def _next(source: Source, entry: Node | None) -> tuple[Source | None, list[Problem]]:
    """What `extends` names, or what is wrong with it. A value that is no text is left to the models."""
    if entry is None or not isinstance(entry.value, str):
        return None, []
    name = entry.value
    if "/" not in name and not name.endswith(".yaml"):
        if name in built_in():
            return Source(f"{BUILT_IN}{name}.yaml", None, name), []
        hint = f"{nearest(name, built_in())}; a file ends in .yaml"
        text = f"there is no built-in playbook {name}"
        return None, [problem("AP030", entry.place, text, hint)]
    if source.path is None or Path(name).is_absolute():
        text = f"{name} is not a path relative to the file"
        return None, [problem("AP030", entry.place, text, "such as ../shared/playbook.yaml")]
    shown = (Path(source.shown).parent / name).as_posix()
    return Source(shown, source.path.parent / name), []


def whole(playbooks: Playbooks) -> Iterator[tuple[Document[PlaybookDocument], PlaybookDocument]]:
    """Those that could be understood, each with its model."""
    for one in playbooks:
        if one.model is not None:
            yield one, one.model
