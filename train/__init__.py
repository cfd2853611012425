"""Will hold the training stages (weights); empty so far."""
