"""The pure core: values and the four functions decide, evolve, react and due.

Nothing here reads a clock, touches a file, draws a random number or logs; the import fences
enforce it. Organised by subject: `incident/`, `halt/` and `plan/` each hold their events, their
commands, their state and their rules; what they share (severity, gates, authority, remedy) lies
beside them.
"""
