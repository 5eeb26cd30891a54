"""Tests of the benchmarks' own machinery: what they count must be true. No test depends on a time."""
