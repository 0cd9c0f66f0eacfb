"""Virtual time: replay, workloads, the virtual world, bounds."""
