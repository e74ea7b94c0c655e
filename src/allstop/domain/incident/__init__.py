"""Incidents: declared, classified, staffed, worked through phases, stood down."""
