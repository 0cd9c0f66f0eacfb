"""Floor 6: the loops that run beside the requests: engine, deliveries, mailboxes, pruning."""
