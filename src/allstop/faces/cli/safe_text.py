"""Text from elsewhere made harmless for a terminal.

Titles, notes and evidence may hold what an attacker wrote. Escape sequences could hide lines or
type commands, and bidirectional marks could reverse a sentence, so they are shown, never sent.
"""

from __future__ import annotations

import json
import re

# C0 and C1 controls, DEL; marks that reorder or hide text; line and paragraph separators;
# lone surrogates; tag characters.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_ENDS = re.compile(r"\s*[\r\n]+\s*")


def safe(text: object) -> str:
    """One line without anything a terminal would act on."""
    return _HOSTILE.sub(_shown, _ENDS.sub(" ", str(text)).replace("\t", " "))


def safe_block(text: str) -> str:
    """Several lines; line ends and tabs stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(
        "\t".join(_HOSTILE.sub(_shown, part) for part in line.split("\t")) for line in lines
    )


def safe_json(text: str) -> str:
    """The same JSON value, with hostile characters inside its texts written as escapes."""
    return "\n".join(
        _HOSTILE.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n")
    )


def _shown(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
