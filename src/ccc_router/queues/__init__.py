"""Floor 4: the catalogue as versioned data, the engine, its tables and look-ups, what is owed, and the readings."""
