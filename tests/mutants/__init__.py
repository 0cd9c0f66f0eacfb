"""Mutation testing of `routing/`: change the core in one small place, and see whether any test notices.

A mutant that no test kills is either a hole in the tests, or is the same program (`equivalent.toml` lists those, each with its
reason). How it is done: docs/testing.md.
"""
