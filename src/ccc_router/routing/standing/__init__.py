"""Where everybody stands: who waits, who is free, and what each agent may carry. Derived from the rows, never stored."""

from .doors import Doors
from .lines import Place
from .ordering import agent_key
from .waiting import AgentKey, Free, Waiting

__all__ = ["AgentKey", "Doors", "Free", "Place", "Waiting", "agent_key"]
