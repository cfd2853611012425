"""Makes films with ffmpeg, ordinary and odd, so that none has to be stored.

Every function writes one file and returns its path. Unless it says otherwise, a film is 320x180 at 24 frames a second
and 6 seconds long, and shows three different pictures, with hard cuts at the frames `CUTS`.
"""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

RATE = 24
SECONDS = 6
CUTS = (48, 96)


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg quietly, overwriting its output.

    Raises:
        AssertionError: It failed; the message is ffmpeg's.
    """
    command = ["ffmpeg", "-v", "error", "-y", "-nostdin", *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def source(size: str = "320x180", rate: int | str = RATE, seconds: float = SECONDS, extra: str = "") -> list[str]:
    """Return ffmpeg's arguments for an input of three pictures in motion, `extra` filters applied to it."""
    part = f"size={size}:rate={rate}"
    third = seconds / 3
    graph = (
        f"testsrc2={part}:duration={third},setsar=1[a];"
        f"mandelbrot={part}:start_scale=0.3:end_scale=0.2,trim=duration={third},setsar=1,format=yuv420p[b];"
        f"life={part}:mold=10:ratio=0.2:seed=3:life_color=#C83232:death_color=#3232C8:mold_color=#1E1E78,"
        f"trim=duration={third},boxblur=6,setsar=1,format=yuv420p[c];"
        f"[a][b][c]concat=n=3:v=1:a=0{',' + extra if extra else ''}"
    )
    return ["-f", "lavfi", "-i", graph]


X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def plain(path: Path, *, size: str = "320x180", rate: int | str = RATE, seconds: float = SECONDS) -> Path:
    """Write the ordinary film in the container the name's ending says."""
    ffmpeg(*source(size, rate, seconds), *X264, "-g", "48", path)
    return path


def repeated(path: Path, times: int, *, size: str = "320x180", seconds: float = SECONDS) -> Path:
    """Write the ordinary film of `seconds` over and over, which is sooner made than as long a film of new pictures."""
    once = plain(path.with_name("once-" + path.name), size=size, seconds=seconds)
    ffmpeg("-stream_loop", str(times - 1), "-i", once, "-c", "copy", path)
    return path


def encoded(path: Path, *codec: str, filters: str = "", seconds: float = SECONDS) -> Path:
    """Write the film with a codec given as ffmpeg's output arguments, after `filters`."""
    ffmpeg(*source(seconds=seconds, extra=filters), *codec, path)
    return path


def filtered(path: Path, filters: str, *, size: str = "320x180", seconds: float = SECONDS) -> Path:
    """Write the film with `filters` applied, its times kept as the filters leave them."""
    ffmpeg(
        *source(size, RATE, seconds, filters), *X264, "-fps_mode", "passthrough", "-video_track_timescale", 90000, path
    )
    return path


def truncated(path: Path, *, keep: float = 0.6) -> Path:
    """Write a film whose file breaks off: index first, then only a part of the bytes."""
    ffmpeg(*source(), *X264, "-g", "12", "-movflags", "+faststart", path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def corrupt(path: Path) -> Path:
    """Write a film with noise over a tenth of its bytes, in the middle."""
    ffmpeg(*source(), *X264, "-g", "12", "-movflags", "+faststart", path)
    data = bytearray(path.read_bytes())
    start, length = int(len(data) * 0.5), len(data) // 10
    data[start : start + length] = random.Random(1).randbytes(length)
    path.write_bytes(data)
    return path


def over_reporting(path: Path) -> Path:
    """Write a Matroska film that claims to last a hundred minutes."""
    ffmpeg(*source(), *X264, "-f", "matroska", path)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # the segment's Duration: an 8-byte float, in milliseconds
    data[at : at + 8] = struct.pack(">d", 6_000_000.0)
    at = data.index(b"DURATION", at)
    at = data.index(b"00:00:06", at)
    data[at : at + 8] = b"01:40:00"
    path.write_bytes(data)
    return path


def rotated(path: Path, degrees: int) -> Path:
    """Write a film that a player turns clockwise by `degrees`."""
    upright = plain(path.with_name("upright-" + path.name))
    ffmpeg("-i", upright, "-c", "copy", "-metadata:s:v:0", f"rotate={360 - degrees}", path)  # counts the other way
    return path


def anamorphic(path: Path) -> Path:
    """Write a film of 240x180 stored pixels that are to be shown 4/3 as wide as high, 320x180."""
    return filtered(path, "scale=240:180,setsar=4/3")


def size_change(path: Path) -> Path:
    """Write a transport stream of two parts, 320x180 and then 240x180; its times start over in the middle."""
    parts = [plain(path.with_name(f"{size}-{path.name}"), size=size, seconds=3) for size in ("320x180", "240x180")]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def start_offset(path: Path, seconds: float = 1.7) -> Path:
    """Write a film whose first time stamp is not zero."""
    ffmpeg(*source(), *X264, "-output_ts_offset", seconds, path)
    return path


def variable_rate(path: Path) -> Path:
    """Write a film whose frames come at uneven times: of every seven, two in a row are missing."""
    return filtered(path, "select='not(between(mod(n,7),3,4))'")


def gap(path: Path, *, after: int = 72, seconds: float = 100) -> Path:
    """Write a film with nothing to show for a while."""
    return filtered(path, f"setpts='PTS+if(gte(N,{after}),{seconds}/TB,0)'")


def single_frame(path: Path) -> Path:
    """Write a film of one frame."""
    ffmpeg(*source(), *X264, "-frames:v", 1, path)
    return path


def two_videos(path: Path) -> Path:
    """Write a film with a small stream first and the main one, larger and marked as default, second."""
    small, large = source("160x90"), source()
    maps = ("-map", "0:v", "-map", "1:v", "-disposition:v:0", "0", "-disposition:v:1", "default")
    ffmpeg(*small, *large, *maps, *X264, path)
    return path


def cover_art(path: Path, *, film: bool) -> Path:
    """Write a sound file with a cover picture, or a film with one before its pictures."""
    picture = path.with_suffix(".jpg")
    ffmpeg(*source("600x600"), "-frames:v", 1, picture)
    if film:
        maps = ("-map", "1:v", "-map", "0:v", "-c:v:0", "mjpeg", "-disposition:v:0", "attached_pic")
        ffmpeg(*source(), "-i", picture, *maps, "-c:v:1", "libx264", "-preset", "ultrafast", path)
    else:
        sound = ("-f", "lavfi", "-i", "sine=duration=3")
        ffmpeg(
            *sound, "-i", picture, "-map", "0:a", "-map", "1:v", "-c:v", "mjpeg", "-disposition:v", "attached_pic", path
        )
    return path


def sound_only(path: Path) -> Path:
    """Write a file that holds a tone."""
    ffmpeg("-f", "lavfi", "-i", "sine=duration=3", path)
    return path


def playlist(path: Path, target: Path) -> Path:
    """Write an HLS playlist that names another file, under whatever name."""
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{target.absolute()}\n#EXT-X-ENDLIST\n")
    return path


def concat_script(path: Path, target: Path) -> Path:
    """Write a script for ffmpeg's concat demuxer that names another file, under whatever name."""
    path.write_text(f"ffconcat version 1.0\nfile '{target.absolute()}'\n")
    return path


def stamps(path: Path, stream: str = "v:0") -> list[float]:
    """Return the presentation times ffprobe tells of a film's frames, in seconds, in order."""
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "frame=pts_time", "-of", "csv=p=0"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=60, check=True)
    return [float(line.strip(",")) for line in done.stdout.split()]
