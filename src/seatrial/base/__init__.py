"""Bases: assembled from signed Debian packages, or scratch."""

from __future__ import annotations

from seatrial.base.debian import resolve
from seatrial.base.recipe import RECIPES, DebianSettings

ASSEMBLED = tuple(RECIPES)

__all__ = ["ASSEMBLED", "DebianSettings", "resolve"]
