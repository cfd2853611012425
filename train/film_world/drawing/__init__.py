"""Drawing: pictures of a film at any time, from its truth alone."""
