"""Probe of log files: how many lines of late match a pattern.

The pattern runs in a process of its own (`scan`): a bad one can keep a thread busy for years, and the
whole interpreter with it.
"""
