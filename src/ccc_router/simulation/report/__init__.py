"""What an experiment showed: as lines, as JSON, as a page to look at; in Vietnamese and English."""
