"""Bit-serial forward pass of one layer in NumPy, OU by OU: every input plane against every weight slice and polarity as one matrix product,
clipped by the ADC, then weighted. Vectorised over planes, vectors, slices, polarities and columns; vectors in chunks that stay in the cache.

Argument: folder with layer.json, e.npy (rows x outputs), codes.npy (vectors x rows) and the OUs as row_start, rows, col_start, cols (.npy).
Writes outputs.npy (vectors x outputs, behind the ADC) and prints the seconds of every repetition.
"""

import json
import pathlib
import sys
import time

import numpy as np

CHUNK = 256


def levels(e, layer):
    """Cell levels of the weights of one OU, rows x (polarities * slices * columns), as floats: products of them are exact."""
    signs = [np.maximum(e, 0), np.maximum(-e, 0)]
    digits = [(part >> (layer["cell_bits"] * s)) % (1 << layer["cell_bits"]) for part in signs for s in range(layer["slices"])]
    return np.concatenate(digits, axis=1).astype(np.float32)


def forward(folder, layer):
    load = lambda name: np.load(folder / f"{name}.npy")
    e, codes = load("e").astype(np.int32), load("codes")
    row_start, rows, col_start, cols = load("row_start"), load("rows"), load("col_start"), load("cols")
    bits = np.arange(layer["planes"], dtype=np.uint8)
    top = np.float32((1 << layer["adc_bits"]) - 1)
    outputs = np.zeros((codes.shape[0], e.shape[1]), dtype=np.float64)
    plane_weights = (1 << bits.astype(np.int64)).astype(np.float32)
    slice_weights = np.array([sign << (layer["cell_bits"] * s) for sign in (1, -1) for s in range(layer["slices"])], dtype=np.float32)
    for ou in range(len(row_start) - 1):
        own_rows = rows[row_start[ou] : row_start[ou + 1]]
        own_cols = cols[col_start[ou] : col_start[ou + 1]]
        cells = levels(e[np.ix_(own_rows, own_cols)], layer)
        for first in range(0, codes.shape[0], CHUNK):
            chunk = codes[first : first + CHUNK, own_rows]
            planes = ((chunk[None] >> bits[:, None, None]) & 1).astype(np.float32)
            sums = planes.reshape(-1, len(own_rows)) @ cells
            np.minimum(sums, top, out=sums)
            # Sum over planes, then over slices and polarities, each as a product with its weights.
            by_plane = plane_weights @ sums.reshape(len(bits), -1)
            parts = by_plane.reshape(len(chunk), len(slice_weights), len(own_cols))
            outputs[first : first + CHUNK, own_cols] += np.einsum("vsc,s->vc", parts, slice_weights)
    return outputs - layer["zero_point"] * e.sum(axis=0, dtype=np.float64)


def main():
    folder = pathlib.Path(sys.argv[1])
    layer = json.loads((folder / "layer.json").read_text())
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        outputs = forward(folder, layer)
        print(time.perf_counter() - start)
    np.save(folder / "outputs.npy", outputs)


if __name__ == "__main__":
    main()
