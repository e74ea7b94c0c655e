"""Options of probes and verbs: strict models, and what is wrong with them in a sentence."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from allstop.adapters.mechanisms.text import one_line

M = TypeVar("M", bound=BaseModel)


class Options(BaseModel):
    """Base of all option models: unknown keys and guessed types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def read_options(model: type[M], options: dict[str, Any]) -> M | str:
    """The options as a value, or one sentence that names everything wrong with them.

    The values themselves are not repeated: they may be secrets. A share of the capacity that a plan has filled
    in is a number; where an option takes text, it is written out.
    """
    try:
        return model.model_validate(options)
    except ValidationError as error:
        written = _written_out(options, error)
        if written is not None:
            return read_options(model, written)
        faults = (
            f"{'.'.join(str(part) for part in fault['loc']) or 'options'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        )
        return one_line("bad options: " + "; ".join(faults))


def _written_out(options: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    """The options with whole numbers as text, where all that is wrong is that text is wanted there."""
    faults = error.errors(include_url=False, include_context=False)
    if any(one["type"] != "string_type" or type(one["input"]) is not int for one in faults):
        return None
    found = deepcopy(options)
    for one in faults:
        *way, last = one["loc"]
        if last == "[key]":
            return None  # the name itself is a number: there is no telling which text was meant
        part: Any = found
        for step in way:
            part = part[step]
        part[last] = str(part[last])
    return found


def filled(value: Any, words: dict[str, str | int]) -> Any:
    """`value` with placeholders `{word}` in its strings replaced, however deep.

    A string that is nothing but one placeholder becomes the word's own value, so that
    `"{epoch}"` turns into a number.
    """
    if isinstance(value, dict):
        return {key: filled(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    if not isinstance(value, str):
        return value
    for word, meaning in words.items():
        if value == f"{{{word}}}":
            return meaning
        value = value.replace(f"{{{word}}}", str(meaning))
    return value
