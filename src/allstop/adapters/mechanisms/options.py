"""Options of probes and verbs: strict models, and what is wrong with them in a sentence."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from allstop.adapters.mechanisms.text import one_line

M = TypeVar("M", bound=BaseModel)


class Options(BaseModel):
    """Base of all option models: unknown keys and guessed types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def read_options(model: type[M], options: dict[str, Any]) -> M | str:
    """The options as a value, or one sentence that names everything wrong with them.

    The values themselves are not repeated: they may be secrets.
    """
    try:
        return model.model_validate(options)
    except ValidationError as error:
        faults = (
            f"{'.'.join(str(part) for part in fault['loc']) or 'options'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        )
        return one_line("bad options: " + "; ".join(faults))


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
