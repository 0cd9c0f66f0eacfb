"""Asterisk's ARI events: no single one tells the whole, so each is a sighting and the board joins them (docs/adr)."""
