"""An MCP server with one of the tools that stay open during a halt; a client starts it under the name `allstop`.

Run by the interpreter that `make test-agents-tools` sets up, which has the `mcp` package. Leaves a file as proof.
"""

import importlib
import sys
from pathlib import Path


def report_status() -> str:
    """Reports what this agent is doing."""
    Path(sys.argv[1]).touch()
    return "taken down"


if __name__ == "__main__":
    server = importlib.import_module("mcp.server").MCPServer("allstop")
    server.tool()(report_status)
    server.run()
