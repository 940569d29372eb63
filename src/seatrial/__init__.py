"""Seatrial: from an unedited web service to an OCI image that has been run."""

__version__ = "0.1.0"
