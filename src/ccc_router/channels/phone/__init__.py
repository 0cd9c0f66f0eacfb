"""Calls: one module per dialect of a switch, and what goes back to a switch that lets itself be controlled."""
