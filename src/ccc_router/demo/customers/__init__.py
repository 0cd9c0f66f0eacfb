"""Customers: they call, write mails, write to the page and fill in the form of the portal."""
