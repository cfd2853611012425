"""What gives numbers to predictions: one file a scorer, how replies are read beside them, and the registry of names."""
