"""The numbers: samples, scorers, the runner and its log, judges, comparisons, and metrics of the identity memory."""
