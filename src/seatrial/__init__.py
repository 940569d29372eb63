"""Seatrial: from an unedited web service to an OCI image that has been run."""
