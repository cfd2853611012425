"""Proofs that need another program's own environment; run by hand, see docs/evaluation.md."""
