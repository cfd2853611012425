"""Builders: what others annotated becomes records of identities and of events with times."""
