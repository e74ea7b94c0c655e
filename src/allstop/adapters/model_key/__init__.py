"""The key an agent reaches its model with: blocked at whoever issued it, and seen to be blocked."""
