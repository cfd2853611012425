"""Questions: what can be asked of a film whose truth is known."""
