"""Mutation testing of `routing/`: change the core in one small place, and see whether any test notices.

A mutant that no test kills is either a hole in the tests, or is the same program (`equivalent.toml` lists those, each with its
reason). Each mutant runs only the tests that execute its line, quickest first, in a process forked from one that has the libraries
loaded. `make mutants MINUTES=30 SEED=7` takes them in an order drawn by the seed until the time is over.
"""
