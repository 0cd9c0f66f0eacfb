"""Agents at work: they sign in, pull, take or miss, answer, hold, hand on, escalate and wrap up."""
