"""Actuator and probe `haproxy`: an HAProxy through its runtime API."""
