"""Readers, one per family of formats: each tells a ``Gathering`` what is in a ``Part``."""
