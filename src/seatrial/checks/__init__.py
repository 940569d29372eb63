"""One pure module per property: facts in, verdicts out."""
