"""Who is outside: customers, agents, departments and a switch, each of whom writes down what he asked and what he was told."""
