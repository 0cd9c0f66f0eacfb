"""What follows from each input. Functions here only read the state and yield decisions; each is applied before the next is asked for."""
