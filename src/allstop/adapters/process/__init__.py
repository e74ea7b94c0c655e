"""Processes of the coordinator's own machine, named by pid files: an actuator and a probe.

A pid file's number alone proves nothing, because numbers are used again: see `naming`.
"""
