"""Floor 5: the REST of agents and supervisors: presence, pulling, handling, cases, catalogue, records, streams."""
