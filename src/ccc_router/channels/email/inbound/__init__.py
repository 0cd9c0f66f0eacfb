"""From a mail that was read to the facts it tells: which case it belongs to, whom to believe, what came from machines."""
