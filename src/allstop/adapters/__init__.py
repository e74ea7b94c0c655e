"""One file per outside system; none knows another."""
