"""Benchmarks: one file per question, Kade and its peers side by side in the same run.

`python -m bench` asks every question, `python -m bench NAME` one; see `python -m bench --help`.
"""
