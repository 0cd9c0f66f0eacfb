"""An agent and his work: presence, what he has, the next contact, his stream."""
