"""Floor 5: where contacts come in and answers go out. Vendor words stop inside the adapters of this room."""
