"""What is inside a file: read in a child process that can do nothing else. Begin at ``extractor``."""
