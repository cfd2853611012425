"""Readers: one file a family of benchmarks, each a function from published files to samples; nothing is downloaded."""
