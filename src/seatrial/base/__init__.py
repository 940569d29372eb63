"""Bases: assembled from signed Debian packages, or scratch."""
