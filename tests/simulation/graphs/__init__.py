"""Plans over random graphs with random faults, and a coordinator that is killed at every entry of its log."""
