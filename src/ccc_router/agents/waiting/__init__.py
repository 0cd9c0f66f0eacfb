"""What waits for something to happen: open `work/next` requests and streams."""
