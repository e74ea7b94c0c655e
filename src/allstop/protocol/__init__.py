"""Documents as people write them: read strictly, checked against each other, compiled to `Policy`.

`load` does all of it for a project folder. Reading, checking and compiling are separate modules;
the problems they report all look alike (`Problem`).
"""

from allstop.protocol.catalogue import (
    AdapterEntry,
    Catalogue,
    OptionProblem,
    OptionsCheck,
    VerbEntry,
    by_model,
)
from allstop.protocol.check import check
from allstop.protocol.compile import compile_policy
from allstop.protocol.documents import Documents
from allstop.protocol.inherit import pack_text, packs
from allstop.protocol.problems import CODES, Problem, render
from allstop.protocol.project import FILES, Loaded, load
from allstop.protocol.reference import reference
from allstop.protocol.schemas import json_schemas
from allstop.protocol.standalone import Standalone, Totality, load_protocol, totality
from allstop.protocol.starter import TEMPLATES, starter

__all__ = [
    "CODES",
    "FILES",
    "TEMPLATES",
    "AdapterEntry",
    "Catalogue",
    "Documents",
    "Loaded",
    "OptionProblem",
    "OptionsCheck",
    "Problem",
    "Standalone",
    "Totality",
    "VerbEntry",
    "by_model",
    "check",
    "compile_policy",
    "json_schemas",
    "load",
    "load_protocol",
    "pack_text",
    "packs",
    "reference",
    "render",
    "starter",
    "totality",
]
