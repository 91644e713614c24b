"""`sfu doctor`: what is wrong with a host, or on the way to a server, and what to do about it."""
