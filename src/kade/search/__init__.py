"""Full text: the index (``SearchIndex``), and what reads files (``Extractor``)."""
