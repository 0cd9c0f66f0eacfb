"""Where everybody stands: who waits, who is free, and what each agent may carry. Derived from the rows, never stored."""

from .ordering import agent_key
from .waiting import AgentKey, Free, Waiting

__all__ = ["AgentKey", "Free", "Waiting", "agent_key"]
