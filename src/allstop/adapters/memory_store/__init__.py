"""The store without files or threads: deterministic, for tests and the simulator."""

from allstop.adapters.memory_store.disk import MemoryDisk as MemoryDisk
from allstop.adapters.memory_store.store import MemoryStore as MemoryStore
