"""Actuator and probe `redis`: a Redis server over its own protocol."""
