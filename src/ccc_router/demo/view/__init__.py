"""What a supervisor sees of it in the terminal."""
