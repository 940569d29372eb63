"""Speeds of Seatrial as ratios against peers that run in turn with it (docs/speed.md)."""
