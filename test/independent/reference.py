"""Timing and values of docs/timing.md and docs/values.md in Python, from those two pages: recomputes every dumped layer and compares.

Usage: python3 reference.py LAYER_DIR [LAYER_DIR ...]   (folders `layer-III` of a dump; docs/timing.md, section 7)
"""
import csv
import json
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np


def ceil_div(a, b):
    return -(-a // b)


def map_layer(m, matrices):
    """Section 1 of timing.md: strips, OUs, windows, pieces, groups."""
    rows_ou, cols_ou, beta, alpha = m["ou"]["rows"], m["ou"]["cols"], m["block"], m["strip"]["ous"]
    group_rows, group_cols = m["array"]["rows"] // rows_ou, m["array"]["cols"] // cols_ou
    strips, ous, windows, pieces = [], [], [], []
    for mi, mat in enumerate(matrices):
        e, diagonal = mat["values"], mat["diagonal"]
        total_rows, total_cols = e.shape
        tile = total_rows if m["tile"]["rows"] == "all" else m["tile"]["rows"]
        for t in range(ceil_div(total_rows, tile)):
            tile_rows = range(t * tile, min(total_rows, (t + 1) * tile))
            for first in range(0, total_cols, alpha * cols_ou):
                width = min(alpha * cols_ou, total_cols - first)
                blocks = ceil_div(width, beta)
                slots = ceil_div(blocks * beta, cols_ou)
                outputs = [[] for _ in range(slots)]
                for position in range(blocks * beta):  # identity permutation
                    if position < width:
                        outputs[position // cols_ou].append(first + position)
                stacks, kept_of = [], []
                for cols in outputs:
                    kept = []
                    for r in tile_rows:
                        inside = [c for c in cols if diagonal is None or r // diagonal["rows"] == c // diagonal["cols"]]
                        if (any(e[r, c] != 0 for c in cols) if m["mapping"]["compress"] else len(inside) > 0):
                            kept.append(r)
                    kept_of.append(kept)
                    stacks.append([(len(stacks), run) for run in range(ceil_div(len(kept), rows_ou))])
                if m["mapping"]["planarise"]:
                    planarise(stacks, m["order"])
                strip = {"matrix": mi, "tile": t, "first_row": tile_rows[0], "tile_rows": len(tile_rows), "first_col": first,
                         "width": width, "perm": list(range(blocks)), "windows": []}
                for height in range(max(map(len, stacks))):
                    members = []
                    for slot, stack in enumerate(stacks):
                        if height < len(stack):
                            column, run = stack[height]
                            members.append(len(ous))
                            ous.append({"strip": len(strips), "column": column, "run": run, "slot": slot, "height": height,
                                        "rows": kept_of[column][run * rows_ou:(run + 1) * rows_ou], "outputs": outputs[column]})
                    strip["windows"].append(len(windows))
                    union = set().union(*(ous[o]["rows"] for o in members))
                    settings = max(Counter(ous[o]["column"] for o in members).values())
                    windows.append({"strip": len(strips), "height": height, "ous": members, "row_union": len(union), "settings": settings})
                for low in range(0, len(strip["windows"]), group_rows):
                    high = min(low + group_rows, len(strip["windows"]))
                    pieces.append({"strip": len(strips), "first_height": low, "heights": high - low, "width": slots})
                    for w in strip["windows"][low:high]:
                        windows[w]["piece"] = len(pieces) - 1
                strips.append(strip)
    group = left = bottom = widest = 0
    for piece in pieces:
        if bottom + piece["heights"] > group_rows or left + piece["width"] > group_cols:
            bottom = 0
            if left + widest + piece["width"] <= group_cols:
                left += widest
            else:
                group, left = group + 1, 0
            widest = 0
        piece.update(group=group, row=bottom, col=left)
        bottom += piece["heights"]
        widest = max(widest, piece["width"])
    return strips, ous, windows, pieces


def planarise(stacks, order):
    while True:
        for a in sorted(range(len(stacks)), key=lambda s: (-len(stacks[s]), s)):
            targets = []
            for b in range(len(stacks)):
                h = len(stacks[b])
                if len(stacks[a]) - h < 2:
                    continue
                if order == "window-bit" and any(len(s) > h and s[h][0] == stacks[a][-1][0] for s in stacks):
                    continue
                targets.append((h, b))
            if targets:
                stacks[min(targets)[1]].append(stacks[a].pop())
                break
        else:
            return


def encode(m, matrices):
    """Section 2 of values.md: (bits, offset, slices, polarities, level(e, slice, polarity))."""
    low = min(0, min(int(x["values"].min(initial=0)) for x in matrices))
    high = max(0, max(int(x["values"].max(initial=0)) for x in matrices))
    kind, c = m["weights"]["encoding"], m["cell"]["bits"]
    offset = -low if kind == "offset" else 0
    if kind == "differential":
        bits = max(1, max(high, -low).bit_length())
    elif kind == "offset":
        bits = max(1, (high + offset).bit_length())
    else:
        bits = 1
        while not -2 ** (bits - 1) <= low <= high <= 2 ** (bits - 1) - 1:
            bits += 1

    def level(e, s, polarity):
        if kind == "differential":
            x = max(e if polarity == 0 else -e, 0)
        else:
            x = e + offset if kind == "offset" else e % 2 ** bits
        return (x >> (c * s)) & (2 ** c - 1)

    return bits, offset, max(1, ceil_div(bits, c)), 2 if kind == "differential" else 1, level


def convert(adc, total):
    """Section 4 of values.md: (code, clipped)."""
    top, mode, lsb = 2 ** adc["bits"] - 1, adc["mode"], adc["lsb"]
    if mode == "lossless":
        return total, False
    if mode == "clip":
        return min(total, top), total > top
    if mode == "scaled":
        code = (2 * total + lsb) // (2 * lsb)
        return min(top, code), code > top
    return adc["table"][min(total, len(adc["table"]) - 1)], total >= len(adc["table"])


def run_layer(folder):
    info = json.loads((folder / "mapping.json").read_text())
    quant = json.loads((folder / "quantisation.json").read_text())
    m, form = info["machine"], quant["form"]
    matrices = [{**x, "values": np.load(folder / x["e"]).astype(int)} for x in info["matrices"]]
    blocks = [np.load(folder / f"codes-{i}.npy").astype(int) for i in range(len(matrices))]
    vectors, parts = blocks[0].shape[1], blocks[0].shape[0]
    strips, ous, windows, pieces = map_layer(m, matrices)
    bits, offset, slices, polarities, level = encode(m, matrices)
    d, c = m["input"]["bitsPerStep"], m["cell"]["bits"]
    planes, u = ceil_div(8, d), min(m["block"], m["ou"]["cols"])
    ports = m["strip"]["ous"] * m["ou"]["cols"] // u
    log = max(0, math.ceil(math.log2(ports)))
    switches = 2 ** log // 2 * (2 * log - 1) if ports > 1 else 0
    lossless = (m["ou"]["rows"] * (2 ** d - 1) * (2 ** c - 1)).bit_length()
    serial, merged = m["slices"] == "serial", m["order"] == "window-bit"
    for ou in ous:
        e = matrices[strips[ou["strip"]]["matrix"]]["values"]
        ou["cells"] = np.array([[[[level(int(e[r, o]), s, p) for o in ou["outputs"]] for r in ou["rows"]] for p in range(polarities)] for s in range(slices)])
        ou["slices"] = [s for s in range(slices) if not m["skipZeroSlices"] or ou["cells"][s].any()]
    group_count = pieces[-1]["group"] + 1 if pieces else 0
    macros = max(1, group_count) if m["macros"] == "all" else m["macros"]
    expect = {"slices": slices, "polarities": polarities, "encoding_offset": offset, "weight_bits": bits, "planes": planes, "lossless_bits": lossless}
    expect["benes"] = {"ports": ports, "padded": 2 ** log, "switches": switches}
    problems = [f"{key}: expected {value}, got {info[key]}" for key, value in expect.items() if info[key] != value]
    for name, mine in (("strips", strips), ("ous", ous), ("windows", windows), ("pieces", pieces)):
        theirs = info[name]
        if len(mine) != len(theirs):
            problems.append(f"{name}: expected {len(mine)}, got {len(theirs)}")
        for i, (a, b) in enumerate(zip(mine, theirs)):
            problems += [f"{name}[{i}].{k}: expected {v}, got {b.get(k)}" for k, v in a.items() if k != "cells" and b.get(k) != v]
    count, levels, hist, clipped = Counter(), [0] * 2 ** c, Counter(), 0
    first_output = np.cumsum([0] + [x["values"].shape[1] for x in matrices])
    acc = [[0] * int(first_output[-1]) for _ in range(vectors)]

    def digits(o, pas, b):
        mi = strips[ous[o]["strip"]]["matrix"]
        code = blocks[mi][pas % parts, pas // parts][ous[o]["rows"]]
        return code >> d * b & 2 ** d - 1

    def flags(o, pas):
        if not ous[o]["slices"]:
            return []
        return [b for b in range(planes) if not m["skipZeroPlanes"] or digits(o, pas, b).any()]

    def activate(o, pas, b, group):
        nonlocal clipped
        ou, dig = ous[o], digits(o, pas, b)
        n = len(ou["outputs"])
        count["wordLinePulses"] += int(dig.sum()) * len(group) * polarities
        count["adcConversions"] += n * len(group) * polarities
        count["polaritySubtractions"] += n * len(group) * (polarities == 2)
        count["shiftAdds"] += n * len(group)
        count["psumReads"] += n
        count["psumWrites"] += n
        count["ouActivations"] += len(group)
        base = first_output[strips[ou["strip"]]["matrix"]]
        for s in group:
            sign = -1 if form == "split" and pas % 2 == 1 else 1
            sign *= -1 if form == "twos-complement" and b == 7 else 1
            sign *= -1 if m["weights"]["encoding"] == "twos-complement" and s == slices - 1 else 1
            lsb = m["adc"]["lsb"] if m["adc"]["mode"] in ("scaled", "table") else 1
            for p in range(polarities):
                for r, digit in enumerate(dig):
                    for cell in ou["cells"][s, p, r]:
                        levels[cell] += int(digit)
                for k, total in enumerate(dig @ ou["cells"][s, p]):
                    code, over = convert(m["adc"], int(total))
                    hist[code] += 1
                    clipped += over
                    acc[pas // parts][base + ou["outputs"][k]] += sign * (1 - 2 * p) * code * lsb * 2 ** (d * b + c * s)

    stage_names = ["cache", "load", "skip", "cim", "adc"] + (["benes"] if ports > 1 else []) + ["shiftAdd"]
    results, rows = [], []
    for macro in range(min(macros, group_count)):
        logs = {name: [] for name in stage_names}  # firings: (interval, takes credit, input item, last of item, emits, (pass, window, ou, plane, slice))
        made = Counter()

        def fire(stage, interval, credit, item, last, emits, key):
            logs[stage].append((interval, credit, item, last, emits, key))

        for group in range(macro, group_count, macros):
            own = [w for w in range(len(windows)) if pieces[windows[w]["piece"]]["group"] == group]
            for pas in range(vectors * parts):
                for w in own:
                    visit(m, pas, w, windows[w], ous, flags, activate, fire, made, count, dict(
                        planes=planes, polarities=polarities, serial=serial, merged=merged, switches=switches, ports=ports, strips=strips, matrices=matrices,
                        bits=u * ((lossless if m["adc"]["mode"] == "lossless" else m["adc"]["bits"]) + (polarities == 2))))
        starts, span, stages = solve(m, stage_names, logs, log, polarities)
        results.append({"macro": macro, "span": span, "stages": stages})
        rows += [(macro, name, s, f[0], *f[5]) for name in stage_names for s, f in zip(starts[name], logs[name])]
    problems += compare(folder, info, m, matrices, ous, windows, strips, vectors, parts, form, quant, offset, blocks, acc, first_output, count, levels, hist, clipped, results, rows)
    return problems


def visit(m, pas, w, window, ous, flags, activate, fire, made, count, k):
    """Sections 2, 3 and 5: the firings of one window in one pass."""
    def number(name):
        made[name] += 1
        return made[name] - 1

    strip = k["strips"][window["strip"]]
    tile = k["matrices"][strip["matrix"]]["values"].shape[0]
    tile = tile if m["tile"]["rows"] == "all" else min(tile, m["tile"]["rows"])
    count["bufferBitsRead"] += window["row_union"] * 8
    if k["ports"] > 1:
        count["permutationBitsRead"] += window["settings"] * k["switches"]
        count["benesSettingLoads"] += window["settings"] * k["switches"]
    fire("cache", max(1, ceil_div(window["row_union"] * 8, m["cache"]["portBits"])), True, number("window"), True, True, (pas, w, -1, -1, -1))
    item = made["window"] - 1
    flag = {}
    for i, o in enumerate(window["ous"]):
        n, last = len(ous[o]["rows"]), i == len(window["ous"]) - 1
        flag[o] = flags(o, pas)
        count["rowGathers"] += n
        count["flagOrs"] += n * m["skipZeroPlanes"]
        count["inputSumAdds"] += n * (m["weights"]["encoding"] == "offset")
        count["rowListBitsRead"] += n * max(1, math.ceil(math.log2(tile))) * m["mapping"]["compress"]
        count["planesFired"] += len(flag[o])
        count["planesTotal"] += k["planes"]
        fire("load", max(1, ceil_div(n, m["load"]["rowsPerCycle"])), not k["merged"] or i == 0, item, last, not k["merged"] or last, (pas, w, o, -1, -1))
    for members in [window["ous"]] if k["merged"] else [[o] for o in window["ous"]]:
        loaded, shown = number("ou"), -1 if k["merged"] else members[0]
        needed = sorted(set().union(*(flag[o] for o in members)))
        if not needed:
            fire("skip", m["skip"]["interval"], False, loaded, True, False, (pas, w, shown, -1, -1))
        for b in needed:
            fire("skip", m["skip"]["interval"], True, loaded, b == needed[-1], True, (pas, w, shown, b, -1))
            plane = number("plane")
            firing = [o for o in members if b in flag[o]]
            groups = [[(o, [s]) for o in firing if s in ous[o]["slices"]] for s in sorted(set().union(*(ous[o]["slices"] for o in firing)))] if k["serial"] else [[(o, ous[o]["slices"]) for o in firing]]
            for gi, group in enumerate(groups):
                for ai, (o, sl) in enumerate(group):
                    activate(o, pas, b, sl)
                    key = (pas, w, o, b, sl[0] if k["serial"] else -1)
                    last = ai == len(group) - 1
                    fire("cim", m["cim"]["interval"], True, plane, last and gi == len(groups) - 1, True, key)
                    interval = ceil_div(len(ous[o]["outputs"]) * k["polarities"] * len(sl), m["adcs"]) * m["adc"]["cyclesPerConversion"]
                    fire("adc", interval, not k["merged"] or ai == 0, number("activation"), True, not k["merged"] or last, key)
                tail = (pas, w, shown, b, group[0][1][0] if k["serial"] else -1)
                done = number("item")
                if k["ports"] > 1:
                    fire("benes", m["benes"]["interval"], True, done, True, True, tail)
                    count["benesSwitchBits"] += k["switches"] * k["bits"] * len(set().union(*(sl for _, sl in group)))
                fire("shiftAdd", m["shiftAdd"]["interval"], False, done, True, False, tail)


def solve(m, names, logs, log, polarities):
    """Section 4, by repetition until nothing changes."""
    smallest = {"cache": 1, "load": 1, "adc": ceil_div(polarities, m["adcs"]) * m["adc"]["cyclesPerConversion"]}
    latency, room = {}, {}
    for n in names:
        latency[n] = m[n]["latency"]
        if latency[n] in ("combinational", "registered"):
            latency[n] = 1 if latency[n] == "combinational" else 2 * log - 1
        depth = m[n]["depth"]
        room[n] = m[n]["queue"] + (max(1, ceil_div(latency[n], smallest.get(n) or m[n]["interval"])) if depth == "auto" else depth)
    starts = {n: [0] * len(logs[n]) for n in names}
    ready = {n: [0] * len(logs[n]) for n in names}
    changed = True
    while changed:
        changed = False
        for i, n in enumerate(names):
            before = names[i - 1] if i else None
            arrivals = [s + (latency[before] if m[before]["streaming"] else max(latency[before], f[0])) for s, f in zip(starts[before], logs[before]) if f[4]] if i else None
            release = [s for s, f in zip(starts[names[i + 1]], logs[names[i + 1]]) if f[3]] if i + 1 < len(names) else []
            credits = 0
            for k, f in enumerate(logs[n]):
                start = arrivals[f[2]] if i else 0
                if k:
                    start = max(start, starts[n][k - 1] + logs[n][k - 1][0])
                ready[n][k] = start
                if f[1]:
                    if credits >= room[n]:
                        start = max(start, release[credits - room[n]])
                    credits += 1
                changed |= start != starts[n][k]
                starts[n][k] = start
    span = max((s + max(latency[n], f[0]) for n in names for s, f in zip(starts[n], logs[n])), default=0)
    stages = []
    for n in names:
        busy = sum(f[0] for f in logs[n])
        blocked = sum(s - r for s, r, f in zip(starts[n], ready[n], logs[n]) if f[1])
        stages.append({"name": n, "firings": len(logs[n]), "busy": busy, "blocked": blocked, "starved": span - busy - blocked})
    return starts, span, stages


def compare(folder, info, m, matrices, ous, windows, strips, vectors, parts, form, quant, offset, blocks, acc, first_output, count, levels, hist, clipped, results, rows):
    problems = []
    total = int(first_output[-1])
    feeds = [set() for _ in range(total)]
    for window in windows:
        for o in window["ous"]:
            for col in ous[o]["outputs"]:
                feeds[first_output[strips[window["strip"]]["matrix"]] + col].add(window["piece"])
    adds = vectors * sum(max(0, len(f) - 1) for f in feeds)
    for name, value in (("pieceAdds", adds), ("psumReads", 2 * adds), ("psumWrites", adds), ("outputWrites", vectors * total)):
        count[name] += value
    signed = [np.where(x > 127, x - 256, x) if form == "twos-complement" else x for x in blocks]
    value = [x[0] - x[1] if form == "split" else x[0] for x in signed]
    for o in ous if offset else []:
        mi = strips[o["strip"]]["matrix"]
        for v in range(vectors):
            for col in o["outputs"]:
                acc[v][first_output[mi] + col] -= offset * int(value[mi][v][o["rows"]].sum())
    sums = np.concatenate([x["values"].sum(axis=0) for x in matrices])
    outputs = np.array(acc) - quant["zero_point"] * sums
    stored = np.load(folder / "outputs.npy")
    if not np.array_equal(outputs, stored):
        problems.append(f"outputs: {int((outputs != stored).sum())} differ")
    theirs = json.loads((folder / "counters.json").read_text())
    mine = {k: count[k] for k in theirs if k not in ("cycles", "cellReads", "adcCodes", "clipped", "macros")}
    mine.update(cycles=max((r["span"] for r in results), default=0), cellReads=levels, clipped=clipped)
    mine["adcCodes"] = [hist[i] for i in range(len(theirs["adcCodes"]))]
    mine["macros"] = results
    problems += [f"{k}: expected {v}, got {theirs[k]}" for k, v in mine.items() if theirs[k] != v]
    if sum(hist.values()) != sum(theirs["adcCodes"]):
        problems.append("ADC codes beyond the histogram")
    with open(folder / "firings.csv", newline="") as handle:
        listed = [tuple(int(x) if i != 1 else x for i, x in enumerate(row)) for row in list(csv.reader(handle))[1:]]
    if sorted(rows) != sorted(listed):
        odd = [r for r in sorted(set(rows) ^ set(listed))][:3]
        problems.append(f"firings: expected {len(rows)}, got {len(listed)}; first differences {odd}")
    return problems


if __name__ == "__main__":
    bad = 0
    for argument in sys.argv[1:]:
        for problem in run_layer(Path(argument)):
            bad += 1
            print(f"{argument}: {problem}")
    print(f"{len(sys.argv) - 1} layers agree" if bad == 0 else f"{bad} differences")
    sys.exit(1 if bad else 0)
