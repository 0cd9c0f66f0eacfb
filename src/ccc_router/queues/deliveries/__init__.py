"""What is owed to someone: replies, call control, webhooks, mails. The engine writes the rows, workers send them."""
