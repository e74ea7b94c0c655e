"""The rules behind `decide`, one file per subject: each takes a draft and a command, and writes
entries or refuses. Who wants to know what declaring does opens `declaring.py`.
"""
