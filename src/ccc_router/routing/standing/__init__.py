"""Where everybody stands: who waits, who is free, and what each agent may carry. Derived from the rows, never stored."""

from .waiting import AgentKey, Free, Waiting

__all__ = ["AgentKey", "Free", "Waiting"]
