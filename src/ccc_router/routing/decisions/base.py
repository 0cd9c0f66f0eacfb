"""What all decisions share."""

import msgspec


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind"):
    """What all decisions share: nothing but their tag."""
