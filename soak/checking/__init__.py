"""What decides: the history of the clients and the journal of the service, read side by side."""
