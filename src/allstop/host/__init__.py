"""The process on a machine with agents: takes in signed orders, keeps the state file that gates read, reports what it saw.

A composition root of its own beside `bootstrap`: it starts without a coordinator, a project or documents, and goes on without them.
"""
