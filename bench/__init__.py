"""What the service does in a second, beside yardsticks of the same run: `python -m bench`, or `make bench`."""
