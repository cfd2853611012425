"""The training stages (weights), and film world: synthetic films to train and test on."""
