"""Which containers may be opened, and how a path is handed to FFmpeg so that it can never mean anything but a file."""

from __future__ import annotations

from pathlib import Path

FORMATS = (
    "mov",  # also mp4, m4a, 3gp, 3g2, mj2
    "matroska",  # also webm
    "avi",
    "mpegts",
    "mpeg",
    "mpegvideo",
    "m4v",
    "h264",
    "hevc",
    "av1",
    "obu",
    "ivf",
    "flv",
    "live_flv",
    "asf",
    "ogg",
    "mxf",
    "nut",
    "rm",
    "dv",
    "gif",
    "yuv4mpegpipe",
    "mp3",  # sound only, listed so that the user is told that there are no pictures
    "aac",
    "flac",
    "wav",
)
"""FFmpeg's names of the allowed containers: films proper, nothing that names other files (playlists, image lists)."""

OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}
"""What every opening of a film passes to FFmpeg."""


def to_url(path: Path) -> str:
    """Return the path as a `file:` address: a name such as `http:x.mp4` or `concat:a|b` stays a name."""
    return f"file:{path.absolute()}"
