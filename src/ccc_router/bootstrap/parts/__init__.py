"""The parts a process may have: each is an async context manager over the spine, and knows nothing of the other parts."""
