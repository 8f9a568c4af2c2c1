"""Makes the hand-made golden files, and manifest.json for all of them.

A second implementation of the format, as plain as can be and sharing nothing with the package:
bitwise CRC-64, LZ4 by the reference C library. Needs Python 3.9 or later and `pip install lz4`.

    python3 golden.py        rewrites the hand-made files and the manifest
"""

import hashlib
import json
import pathlib
import struct

import lz4.block
import lz4.frame

HERE = pathlib.Path(__file__).parent
FLAG = 1 << 63

LITESTREAM = {
    "program": "litestream-vfs",
    "version": "0.5.17",
    "how": "npm package litestream-vfs, loaded into node:sqlite, LITESTREAM_WRITE_ENABLED=true",
}
HAND_MADE = {
    "program": "golden.py",
    "version": "lz4 (Python) " + lz4.__version__,
    "how": "written by hand from the format's description; no released program writes this form now",
}


def crc64(*parts):
    crc = (1 << 64) - 1
    for part in parts:
        for byte in part:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (0xD800000000000000 if crc & 1 else 0)
    return crc ^ ((1 << 64) - 1)


def page_checksum(pgno, page):
    return FLAG | crc64(struct.pack(">I", pgno), page)


def database_checksum(pages):
    checksum = FLAG
    for pgno, page in pages:
        checksum = FLAG | (checksum ^ page_checksum(pgno, page))
    return checksum


def uvarint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame_form(pgno, page):
    """As Litestream 0.5.0 to 0.5.15 wrote it."""
    frame = lz4.frame.compress(
        page,
        block_size=lz4.frame.BLOCKSIZE_MAX64KB,
        block_linked=False,
        content_checksum=True,
        store_size=False,
    )
    assert frame[:7].hex() == "04224d186440a7", frame[:7].hex()
    head = struct.pack(">IH", pgno, 0)
    return head, head + frame


def block_form(pgno, page):
    block = lz4.block.compress(page, store_size=False)
    head = struct.pack(">IHI", pgno, 1, len(block))
    return head, head + block


def ltx(pages, *, page_size, commit, min_txid, max_txid, timestamp, forms, pre=0, post=0):
    flags = 0 if post else 2
    out = bytearray(b"LTX1")
    out += struct.pack(">IIIQQqQqqIIQ", flags, page_size, commit, min_txid, max_txid, timestamp,
                       pre, 0, 0, 0, 0, 0)
    out += bytes(20)
    hashed = [bytes(out)]
    index = bytearray()
    for number, (pgno, page) in enumerate(pages):
        head, frame = forms[number % len(forms)](pgno, page)
        index += uvarint(pgno) + uvarint(len(out)) + uvarint(len(frame))
        out += frame
        hashed += [head, page]
    index += b"\0"
    tail = bytes(6) + bytes(index) + struct.pack(">Q", len(index)) + struct.pack(">Q", post)
    hashed.append(tail)
    return bytes(out) + tail + struct.pack(">Q", FLAG | crc64(*hashed))


def noise(seed, size):
    return b"".join(hashlib.sha256(b"%d/%d" % (seed, n)).digest() for n in range(size // 32))


def text(seed, size):
    return (b"page %d of a golden file, again and again; " % seed * (size // 20))[:size]


def hand_made():
    mixed = [(1, text(1, 512)), (2, noise(2, 512)), (3, bytes(512)), (4, text(4, 512))]
    large = [(2, text(2, 65536)), (7, noise(7, 16384) * 4), (9, bytes(65536))]
    two = [(1, b"2" * 512), (2, b"3" * 512)]
    when = 1760000000000
    yield "frame-512-snapshot.ltx", ltx(
        mixed, page_size=512, commit=4, min_txid=1, max_txid=3, timestamp=when, forms=[frame_form])
    yield "frame-65536-increment.ltx", ltx(
        large, page_size=65536, commit=9, min_txid=4, max_txid=4, timestamp=when,
        forms=[frame_form])
    yield "mixed-512-snapshot.ltx", ltx(
        mixed, page_size=512, commit=4, min_txid=1, max_txid=3, timestamp=when,
        forms=[frame_form, block_form])
    yield "checksums-512-snapshot.ltx", ltx(
        two, page_size=512, commit=2, min_txid=1, max_txid=1, timestamp=when, forms=[block_form],
        post=database_checksum(two))
    changed = [(2, text(2, 512)), (3, text(3, 512))]
    yield "checksums-512-increment.ltx", ltx(
        changed, page_size=512, commit=3, min_txid=2, max_txid=2, timestamp=when,
        forms=[block_form], pre=database_checksum(two),
        post=database_checksum([two[0], *changed]))
    yield "checksums-512-emptied.ltx", ltx(
        [], page_size=512, commit=0, min_txid=3, max_txid=3, timestamp=when, forms=[block_form],
        pre=database_checksum([two[0], *changed]), post=FLAG)


def describe(data):
    """What a file says, read front to back by its index."""
    head = struct.unpack(">4sIIIQQqQqqIIQ", data[:80])
    size = struct.unpack(">Q", data[-24:-16])[0]
    index = data[-24 - size:-24]
    numbers, value, shift = [], 0, 0
    for byte in index:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value, shift = 0, 0
    assert numbers.pop() == 0
    pages = []
    hashed = [data[:100]]
    for pgno, offset, length in zip(*[iter(numbers)] * 3):
        frame = data[offset:offset + length]
        block = frame[5] == 1
        if block:
            page = lz4.block.decompress(frame[10:], uncompressed_size=head[2])
        else:
            page = lz4.frame.decompress(frame[6:])
        hashed += [frame[:10 if block else 6], page]
        pages.append({
            "pgno": pgno, "offset": offset, "size": length,
            "encoding": "block" if block else "frame",
            "sha256": hashlib.sha256(page).hexdigest(),
        })
    hashed.append(data[-24 - size - 6:-8])
    post, checksum = struct.unpack(">QQ", data[-16:])
    assert checksum == FLAG | crc64(*hashed), "file checksum"
    return {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "header": {
            "flags": head[1], "pageSize": head[2], "commit": head[3],
            "minTxid": "%016x" % head[4], "maxTxid": "%016x" % head[5], "timestampMs": head[6],
            "preApplyChecksum": "%016x" % head[7], "walOffset": head[8], "walSize": head[9],
            "walSalt1": head[10], "walSalt2": head[11], "nodeId": "%016x" % head[12],
        },
        "pages": pages,
        "trailer": {"postApplyChecksum": "%016x" % post, "fileChecksum": "%016x" % checksum},
    }


def main():
    for name, data in hand_made():
        (HERE / "hand-made" / name).write_bytes(data)
    files = []
    for path in sorted(HERE.glob("*/*.ltx")):
        origin = HAND_MADE if path.parent.name == "hand-made" else LITESTREAM
        files.append({"name": f"{path.parent.name}/{path.name}", **origin,
                      **describe(path.read_bytes())})
    chain = [f["name"] for f in files if "/4096-" in f["name"]]
    manifest = {
        "files": files,
        # What Litestream itself makes of a chain: its hydrated file.
        "restores": [{"files": chain, "sha256": HYDRATED, **LITESTREAM}],
    }
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


HYDRATED = "2720643656f210db36f5b86757d48bf6d54cbe6e6bc2ebb3da3378437f488ce7"

if __name__ == "__main__":
    main()
