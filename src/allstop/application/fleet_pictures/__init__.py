"""The fleet as a picture: what is drawn, in layers from what stops first to what everything stands on."""
