"""Pages on Facebook: Messenger conversations and comments, by Meta's Graph API."""
