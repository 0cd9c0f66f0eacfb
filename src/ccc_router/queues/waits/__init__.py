"""How long a waiting contact still waits, as an interval, and how often that was right: a reader beside the engine, which decides nothing."""
