"""What several adapters need in the same way: running programs, calling HTTP, asking git, reading JSON."""
