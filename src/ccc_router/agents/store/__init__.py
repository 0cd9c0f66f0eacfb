"""What agents and supervisors read: statements over the tables of the engine, all of one pool, all bounded."""
