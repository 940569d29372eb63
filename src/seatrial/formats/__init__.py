"""Bytes to values and back; no effects but reading and writing the streams given."""
