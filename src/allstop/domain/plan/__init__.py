"""Plans: steps that change the world in order, driven by observed outcomes."""
