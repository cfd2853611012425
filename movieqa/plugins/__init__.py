"""Ways in from other programs; each imports that program only when the program itself asks for it."""
