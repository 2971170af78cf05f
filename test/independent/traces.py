"""Reads recorded traces as docs/traces.md describes them, with NumPy and the standard library alone: python3 traces.py FILE

Prints, as JSON, what the file holds: the text, its SHA-256, and per item the SHA-256 of its codes and the real values of every tensor, summed.
"""

import hashlib
import json
import struct
import sys
import zipfile

import numpy

DTYPES = {"U8": "<u1", "I8": "<i1", "I16": "<i2"}
FORMS = {"unsigned": "uint8", "twos-complement": "int8", "split": "int16"}


def read_npz(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        text = archive.read("trace.json")
    arrays = numpy.load(file)
    return text, {tensor["name"]: arrays[tensor["key"]] for tensor in json.loads(text)["tensors"]}


def read_safetensors(file):
    with open(file, "rb") as handle:
        content = handle.read()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    text = header.pop("__metadata__")["trace"].encode()
    arrays, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda pair: pair[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end, "the format allows no gap"
        end = stop
        arrays[name] = numpy.frombuffer(body[begin:stop], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    assert end == len(body)
    return text, arrays


def main(file):
    text, arrays = (read_safetensors if file.endswith(".safetensors") else read_npz)(file)
    head = json.loads(text)
    items = []
    for index in range(len(head["items"])):
        digest = hashlib.sha256()
        sums = {}
        for tensor in head["tensors"]:
            codes = arrays[tensor["name"]][index]
            assert list(codes.shape) == tensor["shape"] and str(codes.dtype) == FORMS[tensor["form"]]
            digest.update(codes.astype(codes.dtype.newbyteorder("<")).tobytes())
            sums[tensor["name"]] = float((tensor["scale"] * (codes.astype("f8") - tensor["zero_point"])).sum())
        items.append({"codes_sha256": digest.hexdigest(), "sums": sums})
    print(json.dumps({"head": head, "sha256": hashlib.sha256(text).hexdigest(), "items": items}))


if __name__ == "__main__":
    main(sys.argv[1])
