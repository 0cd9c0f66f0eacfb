"""The email channel: mails come in over HTTP, SMTP and IMAP, answers go out over SMTP."""
