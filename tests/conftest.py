from hypothesis import settings

# A busy machine must not decide whether a test passes.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
