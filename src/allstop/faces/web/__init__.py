"""The web console: pages rendered on the server and kept live by server-sent events. They read; one of them stops agents.

`routes` is what to mount, after everything else; `Sessions` holds who is signed in.
"""

from allstop.faces.web.routes import routes
from allstop.faces.web.sessions import HALTING_CODE_MS, Sessions

__all__ = ["HALTING_CODE_MS", "Sessions", "routes"]
