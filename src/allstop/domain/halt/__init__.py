"""Halts of agents: ordered by many, answered by roll call, enforced, released by few."""
