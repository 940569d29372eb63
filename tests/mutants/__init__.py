"""Ways to be wrong, each one change to a good image, and whether the check that claims it notices."""
