"""Counts and ratios, measured; nothing here is asserted in seconds."""
