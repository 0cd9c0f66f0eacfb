"""The schema's revisions, run by storage.migrate. How to write one: see versions/0001_leases.py."""
