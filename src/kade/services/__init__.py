"""What one can do: a module per noun, functions named as verbs.

A verb is a plain function over a transaction, ``verb(tx, caller, …)``, so that an edge can compose several in
one. Only flows that stream are async; they own their transactions.
"""
