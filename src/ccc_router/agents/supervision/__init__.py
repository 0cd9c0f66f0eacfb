"""Supervisors: queues and readings, people, the catalogue, the records."""
