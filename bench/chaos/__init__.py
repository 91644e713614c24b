"""A room to which everything happens at once, and what has to hold all the while."""
