"""Who comes and who works: from a file, from a description, from the journal. Data, with every draw in it."""
