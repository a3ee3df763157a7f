# SPDX-License-Identifier: Apache-2.0
"""Layers made by hand: tar headers with anything in any field."""
import io
import tarfile

FOLDER, FILE, HARD, SOFT, CHAR, BLOCK, FIFO = b"5", b"0", b"1", b"2", b"3", b"4", b"6"


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def header(name, kind=FILE, size=0, mode=0o644, link=b"", uid=0, gid=0, mtime=1000, major=0, minor=0, raw_size=None, checksum=None):
    """One block; name and link at most 100 bytes."""
    block = bytearray(512)

    def put(offset, data):
        block[offset:offset + len(data)] = data

    for offset, data in ((0, name), (100, octal(mode, 8)), (108, octal(uid, 8)), (116, octal(gid, 8)),
                         (124, raw_size or octal(size, 12)), (136, octal(mtime, 12)), (156, kind), (157, link),
                         (257, b"ustar\x0000"), (329, octal(major, 8)), (337, octal(minor, 8))):
        put(offset, data)
    put(148, b" " * 8)
    put(148, b"%06o\0 " % (sum(block) if checksum is None else checksum))
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % 512)


def pax(**records):
    """A pax header for the entry that follows; keys with "__" for "."; values are bytes."""
    text = b""
    for key, value in records.items():
        body = b" %s=%s\n" % (key.replace("__", ".").encode(), value)
        n = len(body) + 1
        while len(str(n)) + len(body) != n:
            n = len(str(n)) + len(body)
        text += b"%d" % n + body
    return header(b"PaxHeader", b"x", len(text)) + padded(text)


def entry(name, data=b"", kind=None, mode=None, **fields):
    """A whole entry; long names and links go into a pax header. name "d/" is a folder."""
    name = name if isinstance(name, bytes) else name.encode()
    link = fields.pop("link", b"")
    link = link if isinstance(link, bytes) else link.encode()
    records = {}
    if len(name) > 100:
        records["path"] = name
    if len(link) > 100:
        records["linkpath"] = link
    kind = kind or (FOLDER if name.endswith(b"/") else FILE)
    mode = mode if mode is not None else 0o755 if kind == FOLDER else 0o644
    text = header(name[:100], kind, len(data), mode, link[:100], **fields) + padded(data)
    return (pax(**records) if records else b"") + text


def soft(name, target):
    return entry(name, kind=SOFT, link=target, mode=0o777)


def hard(name, target):
    return entry(name, kind=HARD, link=target)


def tar(*entries):
    return b"".join(entries) + bytes(1024)


def sparse(name, size, pieces):
    """A sparse file in GNU's form 1.0: pieces are (offset, bytes)."""
    table = b"%d\n" % len(pieces) + b"".join(b"%d\n%d\n" % (at, len(data)) for at, data in pieces)
    body = padded(table) + b"".join(data for _, data in pieces)
    records = {"GNU__sparse__major": b"1", "GNU__sparse__minor": b"0", "GNU__sparse__name": name.encode(),
               "GNU__sparse__realsize": b"%d" % size}
    return pax(**records) + entry("GNUSparseFile.0/" + name, body)


def by_tarfile(members, form=tarfile.PAX_FORMAT):
    """members: (TarInfo, bytes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as f:
        for info, data in members:
            info.size = len(data)
            f.addfile(info, io.BytesIO(data))
    return out.getvalue()
