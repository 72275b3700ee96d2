"""How much of other people's files is taken: what a visitor may cost the machine."""

from dataclasses import dataclass

from effq_core.photos.uploads import MAX_UPLOAD_PIXELS

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of what is unpacked and decoded."""

    given_bytes: int  # largest archive, and all files together where several are given
    entries: int  # entries of an archive, or files of a folder
    unpacked_bytes: int  # all photos together, counted while they are unpacked
    ratio: int = 100  # unpacked bytes for each of the archive: drawings in BMP shrink a hundredfold
    free_bytes: int = 64 * MIB  # unpacked bytes the ratio does not look at
    file_bytes: int = 64 * MIB  # largest photo
    pixels: int = MAX_UPLOAD_PIXELS  # largest photo, decoded
    classes: int = 1000  # most classes
    seconds_a_photo: int = 5  # processor time to decode one photo
    memory_bytes: int = 4096 * MIB  # address space of the process that decodes
    seconds: int = 300  # all of it


UPLOAD_MIB = 200  # largest zip a browser may send, in MiB: `server.maxUploadSize` says the same
VISITORS = Limits(given_bytes=UPLOAD_MIB * MIB, entries=20_000, unpacked_bytes=1024 * MIB)
"""For what a browser sends to a served dashboard."""
OWNERS = Limits(
    given_bytes=16 * 1024 * MIB, entries=200_000, unpacked_bytes=32 * 1024 * MIB, seconds=6 * 3600
)
"""For the command line, whose user owns the machine."""

KEEP_FREE = 512 * MIB  # of the disk, bytes that no upload takes
MAX_CSV_BYTES = 10 * MIB
