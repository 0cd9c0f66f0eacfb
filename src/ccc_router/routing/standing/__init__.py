"""Where everybody stands: who waits, who is free, and what each agent may carry. Derived from the rows, never stored."""

from .lines import Place
from .ordering import agent_key
from .waiting import AgentKey, Free, Waiting

__all__ = ["AgentKey", "Free", "Place", "Waiting", "agent_key"]
