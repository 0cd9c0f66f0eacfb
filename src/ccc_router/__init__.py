"""ccc-router: omnichannel contact routing that can explain every decision."""
