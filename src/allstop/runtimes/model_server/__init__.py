"""A model server on loopback: speaks just enough of three vendors' protocols to make a real client call the tools we say.

No account, no network. What it answers is a script; what it was asked is kept.
"""
