"""Programs under supervisord, over its XML-RPC interface: an actuator and a probe.

Never by group and never all at once: `stopAllProcesses` keeps no order whatsoever.
"""
