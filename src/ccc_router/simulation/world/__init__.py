"""Customers and agents around the production core, in virtual time."""
