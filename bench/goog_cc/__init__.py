"""goog_cc for one transport in plain Python: what the vectorised estimator is compared with."""
