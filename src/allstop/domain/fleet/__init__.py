"""The fleet as a graph: who needs whom, what a failure takes along, in which order things may stop."""
