"""Judges: models that grade what no rule can, through any endpoint that speaks the OpenAI protocol."""
