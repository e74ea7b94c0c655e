"""The built-in protocol as the core sees it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from allstop.domain.policy import Protocol
from allstop.protocol.compile import compile_protocol
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.inherit import Source, read_chain
from allstop.protocol.shape import shape


def compiled_standard() -> Protocol:
    """What a project gets that writes nothing but `extends: standard`."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "protocol.yaml"
        file.write_text("schema: allstop/1\nname: plain\nextends: standard\n", "utf-8")
        root, chain, problems = read_chain(Source("protocol.yaml", file))
    assert root is not None, problems
    document, found = shape(root, ProtocolDocument, "protocol.yaml")
    assert document.model is not None, found
    return compile_protocol(document.model, chain)
