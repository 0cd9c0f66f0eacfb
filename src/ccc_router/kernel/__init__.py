"""Floor 0: time, ids, errors, tasks, logging, signatures and text. Knows nothing of contact centres."""
