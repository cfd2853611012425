"""Turns a film file into a workspace: probe, scan, subtitles, features."""
