"""Faces translate and render: command line, HTTP, web pages."""
