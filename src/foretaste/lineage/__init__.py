"""Where a row, data set or model came from, and what learned from it: asked of a ledger.

`gathering` walks the entries once into a `graph` of things, known by their digests; `taint` says
what bad things spoilt; `rows` finds single rows; `asking` puts all of it into an `answer`.
"""
