"""Fixed commands on other machines, over SSH."""
