"""Where everybody stands: who waits, who is free, and what each agent may carry. Derived from the rows, never stored."""

from .doors import Doors
from .limits import Limits
from .lines import Place
from .ordering import agent_key
from .promised import Promised
from .signed_in import SignedIn
from .waiting import AgentKey, Free, Waiting

__all__ = ["AgentKey", "Doors", "Free", "Limits", "Place", "Promised", "SignedIn", "Waiting", "agent_key"]
