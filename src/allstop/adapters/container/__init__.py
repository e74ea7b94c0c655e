"""Containers of an engine on this machine, over its Docker-compatible API."""
