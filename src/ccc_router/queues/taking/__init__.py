"""How inputs get into a turn: from the inbox and from a feed, each once, and those of a failed turn in parts."""
