"""Releases that are commits on a branch: read, rolled back, pushed, and fixed on a branch of their own."""

from allstop.adapters.git_release.actuator import GitRelease

__all__ = ["GitRelease"]
