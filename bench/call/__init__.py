"""A whole call behind an emulated link: daemon and publishers at one end, one viewer at the other.

Browsers are real. What the link did, what the server thought and what the viewer saw stand side
by side in one timeline.
"""
