"""What tests of Allstop, and of adapters for it, stand on."""
