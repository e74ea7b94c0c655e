"""The store on SQLite: one writer thread, a few readers, write-ahead log, synchronous FULL."""

from allstop.adapters.sqlite.reading import SqliteLog as SqliteLog
from allstop.adapters.sqlite.store import SqliteStore as SqliteStore
