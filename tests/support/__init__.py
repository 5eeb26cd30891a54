"""Black-box tools for the tests and the benchmarks: they speak over the wire or run the `kade` command.

Nothing here imports Kade: what these tools see is what a partner's program sees.
"""
