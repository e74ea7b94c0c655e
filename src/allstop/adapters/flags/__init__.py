"""Actuator and probe `flag-file`: feature flags in JSON files that read as off when in doubt."""
