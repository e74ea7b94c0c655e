"""What is looked at before anything is executed."""

from __future__ import annotations

# Checks a protocol may ask for, and what each looks at.
CHECKS: dict[str, str] = {
    "documents": "the configuration is valid as it stands now",
    "adapters": "every adapter that is named exists and can be used",
    "probes": "every probe answers",
    "channels": "every channel accepts a test message",
    "monitoring": "the monitor has looked within its interval",
    "agents": "every registered agent can be reached",
    "team": "the roles are filled, and everybody has a channel",
    "history": "similar incidents of the last twelve months were looked up",
    "dependencies": "the dependencies outside of what is hit are healthy",
    "capacity": "the coordinator's own host has disk and memory to spare",
    "credentials": "every token and secret that is referred to is there and has not expired",
    "understood": "the people on the roster have confirmed that they know the protocol",
}
