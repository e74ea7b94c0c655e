"""Allstop: incident command for services and AI agents."""

__version__ = "0.1.0"
