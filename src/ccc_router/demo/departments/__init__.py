"""Departments: prompt, slow, dead, reached by signed webhook or by mail with links."""
