"""Will hold the batch evaluation (numbers); empty so far."""
