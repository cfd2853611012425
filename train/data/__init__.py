"""Data: records of every published format become examples, in the same order on any number of processes."""
