"""Kade: one self-hosted server through which organisations hand files to each other."""

__version__ = "0.1.0"
