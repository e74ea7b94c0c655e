"""How much a document may hold of one thing: what is written by people stays far below."""

# Rows of a table, rules, phrases, kinds.
MOST_ROWS = 500
