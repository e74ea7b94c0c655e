"""Sources of the shop's releases.

Each module here but `wire` is the `service.py` of one service. `build` copies it together with
`wire.py` into the service's git repository and turns the one import of `wire` into a local one, so
that a release folder stands on its own. Standard library only: a service starts without site
packages, in well under 100 ms.
"""
