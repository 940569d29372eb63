"""The files that a team keeps in its own repository: rendered, planned, and written all or none."""
