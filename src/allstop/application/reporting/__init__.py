"""Reports and post-mortems: the record as a document, in Markdown, HTML, JSON and PDF."""
