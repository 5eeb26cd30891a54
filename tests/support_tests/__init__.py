"""Tests of the tools in `tests/support`, against tiny local servers."""
