"""Who is who: finds faces, follows them through shots, and keeps people apart across the whole film."""
