"""Many links and subscribers at once, under the production estimator and allocator.

Time runs in steps of 5 ms. Arrays have one entry per subscriber ("row"), source, link or packet, as
each docstring says. Times are seconds since the start, sizes bytes, rates bit/s.
"""
