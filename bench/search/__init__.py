"""What full text costs: documents a second, size and memory of the index, and how long queries take."""
