"""Will keep who is who across the film (identity memory); empty so far."""
