"""Floor 2: what happened and what was asked for, how it is written down, and the stream it travels in."""
