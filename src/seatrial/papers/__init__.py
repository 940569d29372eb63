"""What a trial leaves on paper: facts and verdicts -> text, for people and for CI. Nothing here looks."""
