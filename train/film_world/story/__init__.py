"""Stories: what happens in a film, to whom, why, and who knows of it."""
