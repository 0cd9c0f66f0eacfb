"""Floor 1: PostgreSQL, and not one contact-centre word."""
