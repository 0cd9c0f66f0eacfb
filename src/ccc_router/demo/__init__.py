"""The demo: a town of customers, agents and departments around one running service. It is a client of the public contract only."""
