"""Safetensors files written and read by hand: 8-byte header length, JSON header, little-endian data."""

import json
import struct

import numpy

DTYPES = {"F32": "<f4", "F64": "<f8", "U32": "<u4"}
NAMES = {numpy.dtype(numpy_name): name for name, numpy_name in DTYPES.items()}


def write_safetensors(path, tensors, metadata):
    """Writes {name: numpy array of float32, float64 or uint32}, in the order given."""
    header = {"__metadata__": metadata}
    blocks = []
    offset = 0
    for name, array in tensors.items():
        block = numpy.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(block)],
        }
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def read_safetensors(path):
    """Reads {name: numpy array}."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[start + begin : start + end], DTYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors
