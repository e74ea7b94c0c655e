"""The conformance suite: at least one test per clause of the five protocols.

Each test bears the ids of its clauses (`@clause("PT-01")`) and speaks to a whole coordinator over its
HTTP API, or runs the command line, on a virtual clock. `make conformance` writes what came of it to
`src/allstop/protocol/conformance/results.json`, from which `allstop protocol conformance` prints.
"""
