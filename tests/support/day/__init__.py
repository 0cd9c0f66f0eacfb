"""A whole day of the centre under virtual time: customers, agents, a switch and departments around the pure core, all from one seed.

What comes out is the journal as the engine would have written it. Nothing here is a measure of quality: the day is made to
reach every kind of input and decision, not to be likely.
"""

from tests.support.day.catalogue import catalogue_of
from tests.support.day.centre import Centre
from tests.support.day.opening import open_day

__all__ = ["Centre", "catalogue_of", "open_day"]
