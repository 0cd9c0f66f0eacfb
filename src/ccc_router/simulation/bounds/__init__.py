"""How good any routing could be: the pooled queue in closed form, and a recorded window with hindsight."""
