"""What falls due, by subject: halts and plans, the response, promises, the course, the aftermath."""
