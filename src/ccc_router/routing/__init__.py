"""Floor 3, pure: who is offered what, and why. No clock, no I/O, no randomness, no logging: time enters as a fact."""
