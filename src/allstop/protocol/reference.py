"""The reference page's tables, made from the models and vocabularies so that they cannot differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from allstop.domain.approvals import APPROVAL_FACTS
from allstop.domain.authority import ACTIONS, HUMAN_ONLY
from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.moment import words
from allstop.domain.preflight import CHECKS
from allstop.domain.progress import MARKS, NAMED_MARKS
from allstop.domain.remedy import REMEDY_FACTS
from allstop.domain.templates import COMMON, OCCASIONS
from allstop.protocol.compile_conditions import STOP_FACTS
from allstop.protocol.document_conditions import FactTest
from allstop.protocol.problems import CODES
from allstop.protocol.scalars import Duration, DurationOrZero, Words
from allstop.protocol.schemas import DOCUMENTS

_DURATIONS = {get_args(Duration)[-1].text, get_args(DurationOrZero)[-1].text}


_FACTS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "The impact, which the classification, kinds, audiences, criteria and stop rules read:",
        IMPACT_FACTS,
    ),
    (
        "Stop rules also read the plan that runs:",
        {name: sort for name, sort in STOP_FACTS.items() if name not in IMPACT_FACTS},
    ),
    ("The decision table reads what is known of the service at fault:", REMEDY_FACTS),
    (
        "The approval table reads what waits for an approval; all of it is always known:",
        APPROVAL_FACTS,
    ),
)


def reference() -> str:
    """The generated part of docs/documents.md."""
    parts = []
    for name, model in DOCUMENTS:
        parts.append(f"## Keys of {name}\n")
        parts += [_model_table(path, each) for path, each in _models(model)]
    parts.append("## Tests\n")
    parts.append(f"{_sentence(FactTest)}\n")
    parts.append(_table(("operator", "holds when the fact is"), _tests()))
    parts.append("## Facts\n")
    for about, facts in _FACTS:
        parts.append(f"{about}\n")
        rows = ((f"`{name}`", sort.replace("|", ", ")) for name, sort in facts.items())
        parts.append(_table(("fact", "sort"), rows))
    parts += _vocabularies()
    parts.append("## Problems\n")
    codes = ((code, severity, text) for code, (severity, text) in CODES.items())
    parts.append(_table(("code", "severity", "meaning"), codes))
    return "\n".join(parts)


def _vocabularies() -> list[str]:
    """The words that documents refer to and the core knows."""
    actions = (
        (f"`{name}`", text, "people" if name in HUMAN_ONLY else "anybody")
        for name, text in ACTIONS.items()
    )
    marks = [(f"`{name}`", text) for name, text in MARKS.items()]
    marks += [(f"`{name}:NAME`", text) for name, text in NAMED_MARKS.items()]
    occasions = (
        (
            f"`{name}`",
            one.about,
            " ".join(f"`{more}`" for more in one.more),
            f"{one.subject} / {one.text}",
        )
        for name, one in OCCASIONS.items()
    )
    checks = ((f"`{name}`", text) for name, text in CHECKS.items())
    common = " ".join(f"`{name}`" for name in COMMON)
    return [
        "## Actions\n",
        _table(("action", "what it is", "may be granted to"), actions),
        "## Marks\n",
        "What has happened in this response: `deadlines.until`, `obligations.met_by` and `closing` name it.\n",
        _table(("mark", "reached when"), marks),
        "## Occasions\n",
        f"Every template may hold {common}, and what stands here:\n",
        _table(("occasion", "told when", "placeholders of its own", "built-in"), occasions),
        "## Preflight checks\n",
        _table(("check", "what is looked at"), checks),
    ]


def _tests() -> Iterable[tuple[str, str]]:
    for name, field in FactTest.model_fields.items():
        yield f"`{field.alias or name}`", field.description or ""


def _plural(words: str) -> str:
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += [
        "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) + " |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _sentence(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _models(model: type[BaseModel], path: str = "") -> list[tuple[str, type[BaseModel]]]:
    """(path, model) of a document's root and of every mapping inside it."""
    found = [(path, model)]
    for name, field in model.model_fields.items():
        inner, many = _inside(field.annotation)
        if inner is not None and inner is not FactTest:
            key = field.alias or name
            step = {"dict": f"{key}.*", "list": f"{key}[]", "": key}[many]
            found += _models(inner, f"{path}.{step}" if path else step)
    return found


def _inside(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model in an annotation, and whether it is one of many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {dict, list}:
        inner, _ = _inside(arguments[-1])
        return inner, "dict" if origin is dict else "list"
    for argument in arguments:
        inner, many = _inside(argument)
        if inner is not None:
            return inner, many
    return None, ""


def _model_table(path: str, model: type[BaseModel]) -> str:
    rows = (
        (f"`{field.alias or name}`", _type(field), _default(field), field.description or "")
        for name, field in model.model_fields.items()
    )
    title = f"### `{path}`\n\n" if path else ""
    return f"{title}{_sentence(model)}\n\n{_table(('key', 'type', 'when absent', 'meaning'), rows)}"


def _type(field: FieldInfo) -> str:
    own = next((each.text for each in field.metadata if isinstance(each, Words)), "")
    return own or _type_words(field.annotation)


def _type_words(annotation: Any) -> str:
    """A type as people call it."""
    metadata = getattr(annotation, "__metadata__", ())
    own = next((each.text for each in metadata if isinstance(each, Words)), "")
    origin, arguments = get_origin(annotation), get_args(annotation)
    if own:
        return str(own)
    if metadata:
        return _type_words(arguments[0])
    if origin is Literal:
        return " or ".join(str(each).lower() for each in arguments)
    if origin is list:
        return f"list of {_plural(_type_words(arguments[0]))}"
    if origin is dict:
        return (
            "tests by fact"
            if _inside(annotation)[0] is FactTest
            else f"{_type_words(arguments[1])} by name"
        )
    if type(None) in arguments:
        return _type_words(next(each for each in arguments if each is not type(None)))
    names = {bool: "true or false", int: "whole number", str: "text"}
    return names.get(annotation, "mapping")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and _type(field) in _DURATIONS:
        return words(value).replace(" ", "")
    if isinstance(value, list) and value:
        return ", ".join(value)
    return str(value) if value and isinstance(value, str | int) else ""
