"""What concerns many contacts at once: the hours of a queue, a surge, an incident. Pure generators of decisions."""
