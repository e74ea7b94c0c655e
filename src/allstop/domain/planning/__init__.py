"""Plans for parts of the fleet: which nodes, which steps, in which order, at what risk, for how long."""
