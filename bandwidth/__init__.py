"""Who gets how much: layers by view and budget, and the rows of feedback from the packet plane."""
