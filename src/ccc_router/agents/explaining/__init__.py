"""Why a contact is where it is, and why an agent is not offered it: from the tables and the journal, in both languages."""
