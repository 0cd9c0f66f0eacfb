"""Contacts, cases and customers: reading them, answering, handing over, ending."""
