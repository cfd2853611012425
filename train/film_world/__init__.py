"""Film world: whole films, made from a seed, with everything about them known."""
