"""How well contacts are routed: rivals' policies and ours on the same arrivals. Run it with `make quality`."""
