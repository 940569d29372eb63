"""Pinning the instrumenter, and proving from the binary that it wove."""
