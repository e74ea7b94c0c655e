"""The web console: read-only pages, rendered on the server and kept live by server-sent events.

`routes` is what to mount, after everything else; `Sessions` holds who is signed in.
"""

from allstop.faces.web.routes import routes
from allstop.faces.web.sessions import Sessions

__all__ = ["Sessions", "routes"]
