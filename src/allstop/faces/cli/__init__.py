"""The command line: translates words into requests to a coordinator, and answers into text."""
