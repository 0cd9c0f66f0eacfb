"""Departments without a system: the same notices by mail, with links that let them acknowledge and answer."""
