"""Floor 6: the ASGI app, who is let in, errors, health and metrics."""
