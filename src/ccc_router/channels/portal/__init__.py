"""The web portal: a form, a conversation that follows it, and a person who proves nothing but that he has the token."""
