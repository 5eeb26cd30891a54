"""Segment stores: where the bytes are. An implementation is one file and runs the conformance suite."""
