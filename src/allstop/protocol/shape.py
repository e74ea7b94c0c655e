"""From nodes to models: pydantic's objections, each at its place and in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from allstop.domain.verdict import nearest
from allstop.protocol.document_conditions import is_tests
from allstop.protocol.problems import Place, Problem, problem
from allstop.protocol.reader import Node, find, plain
from allstop.protocol.scalars import Shape

M = TypeVar("M", bound=Shape)
Path = tuple[str | int, ...]

_CODES = {
    "extra_forbidden": "AP003",
    "missing": "AP020",
    "duration": "AP022",
    "span": "AP022",
    "days": "AP022",
    "hours": "AP100",
    "date": "AP101",
    "zone": "AP102",
    "choices": "AP103",
    "no_severity": "AP125",
    "name": "AP023",
    "criterion": "AP025",
    "playbook_step": "AP180",
    "literal_error": "AP026",
    "greater_than_equal": "AP027",
    "less_than_equal": "AP027",
    "too_short": "AP027",
    "too_long": "AP027",
    "string_too_short": "AP027",
}
_WANTED = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (`name: value`)",
    "model_type": "must be a mapping (`name: value`)",
    "model_attributes_type": "must be a mapping (`name: value`)",
    "list_type": "must be a list (`[a, b]`)",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
# The unit somebody may have meant who wrote none.
_UNITS = {"duration": "s", "span": "m", "days": "d"}
# Keys of earlier versions, with what has taken their place.
_GONE: dict[tuple[str, ...], str] = {
    ("remedy", "approve"): "approvals.table says who must agree",
    ("remedy", "contain_automatically"): "approvals.table, a row with purpose contain and people 0",
}
_BOOLEANS = {
    "yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document(Generic[M]):
    """One document: its nodes, and its model when it has the right shape."""

    file: str
    node: Node
    model: M | None

    def at(self, *path: str | int) -> Place:
        """The place of the deepest node on the path that is written down."""
        return find(self.node, path).place


def shape(node: Node, model: type[M], file: str) -> tuple[Document[M], tuple[Problem, ...]]:
    """Validate. Unknown keys do not keep the rest from being understood and checked further."""
    node = without_nothing(node)
    problems: list[Problem] = []
    data = plain(node)
    try:
        return Document(file, node, model.model_validate(data)), ()
    except ValidationError as error:
        found = error.errors(include_url=False)
    problems = [_explain(node, model, each) for each in found]
    unknown = [each["loc"] for each in found if each["type"] == "extra_forbidden"]
    for path in unknown:
        _drop(data, path)
    try:
        return Document(file, node, model.model_validate(data) if unknown else None), tuple(
            problems
        )
    except ValidationError:
        return Document(file, node, None), tuple(problems)


def without_nothing(node: Node, path: tuple[str, ...] = ()) -> Node:
    """The tree without keys whose value is null: to say null is to say nothing.

    Lists and sets of tests stay as they are: inside them `null` means unknown.
    """
    if not isinstance(node.value, dict) or is_tests(path):
        return node
    kept = {
        name: without_nothing(child, (*path, name))
        for name, child in node.value.items()
        if child.value is not None
    }
    return Node(kept, node.at, node.key)


def _drop(data: Any, path: tuple[str | int, ...]) -> None:
    for step in path[:-1]:
        data = data[step]
    del data[path[-1]]


def _explain(node: Node, model: type[BaseModel], error: Mapping[str, Any]) -> Problem:
    """One objection as a problem."""
    kind: str = error["type"]
    # pydantic marks an objection to a key itself with a last step "[key]".
    path = tuple(step for step in error["loc"] if step != "[key]")
    place = find(node, path).place
    code = _CODES.get(kind, "AP021")
    name = ".".join(str(step) for step in (path if kind == "missing" else _written(node, path)))
    if kind == "extra_forbidden":
        known = sorted(_known_keys(model, path[:-1]))
        gone = _GONE.get(tuple(str(step) for step in path))
        hint = gone or nearest(str(path[-1]), known)
        return problem(code, place, f'unknown key "{path[-1]}"', hint)
    if kind == "missing":
        return problem(code, place, f"`{name}` is missing")
    if path == ("schema",):
        return problem(
            "AP028", place, "`schema` must be allstop/1", "that is what this version reads"
        )
    value = error.get("input")
    if kind == "literal_error":
        said = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
        values = said.replace("True", "true").split(", ")
        hint = nearest(str(value), values)
        return problem(
            code, place, f"`{name}` cannot be {_shown(value)}: {' | '.join(values)}", hint
        )
    text = _WANTED.get(kind) or _own_words(error)
    if code == "AP021" or kind == "name":
        text = f"{text}, not {_shown(value)}"
    return problem(code, place, f"`{name}` {text}", _hint(kind, value))


def _written(node: Node, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The steps that stand in the document: what a short form is short for adds steps of its own."""
    kept: list[str | int] = []
    for step in path:
        inside = find(node, (step,))
        if inside is node:
            break
        kept.append(step)
        node = inside
    return tuple(kept) or path


def _own_words(error: Mapping[str, Any]) -> str:
    if error["type"] in {"greater_than_equal", "less_than_equal"}:
        (limit,) = error["ctx"].values()
        return f"must be at {'least' if error['type'].startswith('g') else 'most'} {limit}"
    if error["type"] == "too_long":
        return f"must not have more than {error['ctx']['max_length']} entries"
    text = str(error["msg"])
    return text[:1].lower() + text[1:]


def _hint(kind: str, value: Any) -> str:
    if (
        kind == "bool_type"
        and isinstance(value, str)
        and value.lower() in {*_BOOLEANS, "true", "false"}
    ):
        return f"write {_BOOLEANS.get(value.lower(), value.lower())}"
    if kind in {"string_type", "name"} and isinstance(value, int):
        return f'put quotes around it: "{_shown(value)}"'
    if kind == "int_type" and isinstance(value, str) and value.lstrip("+-").isdigit():
        return "write it without quotes and without leading zeros"
    if kind in _UNITS and isinstance(value, int):
        return f"write the unit: {value}{_UNITS[kind]}?"
    return ""


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> set[str]:
    """The keys a mapping at `path` may have: walks the models by their annotations."""
    here: Any = model
    for step in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            fields = {field.alias or name: field for name, field in here.model_fields.items()}
            here = fields[str(step)].annotation if str(step) in fields else None
        else:
            arguments = get_args(here)
            here = arguments[-1] if arguments else None
        here = _model_inside(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return {field.alias or name for name, field in here.model_fields.items()}
    return set()


def _model_inside(annotation: Any) -> Any:
    """Unwraps `Annotated[X, ...]` and `X | None`; a dict or list stays, its values come next."""
    origin_arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _model_inside(origin_arguments[0])
    if type(None) in origin_arguments:
        return _model_inside(next(one for one in origin_arguments if one is not type(None)))
    return annotation
