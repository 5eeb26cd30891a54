"""Everything that checks Kade."""
