"""The tables of a pool as the engine writes them: the state's rows, the erasable part, outcomes; and how they are read back."""
