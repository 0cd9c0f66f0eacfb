"""Between floor 4 and 5: what every REST room shares: who calls, what he may, problems, pages, repeated requests, streams."""
