"""What several routes read: an agent's presence and work."""

from ..routing.rows import Agent
from .documents import PresenceView, WorkView
from .services import AgentsRoom
from .shaping import contact_views, offer_view, presence_view


async def presence_of(room: AgentsRoom, agent_id: str) -> PresenceView:
    """An agent's presence; one who never did anything is signed out."""
    agent = await room.staff.agent(agent_id) or Agent(id=agent_id)
    return presence_view(agent, await room.contacts.owned_by(agent_id))


async def work_of(room: AgentsRoom, agent_id: str) -> WorkView:
    """What an agent has: presence, pending offer, contacts."""
    agent = await room.staff.agent(agent_id) or Agent(id=agent_id)
    owned = await room.contacts.owned_by(agent_id)
    offer = await room.contacts.pending(agent_id)
    return WorkView(
        presence=presence_view(agent, owned),
        offer=await offer_view(room, offer) if offer else None,
        contacts=await contact_views(room, owned),
    )
