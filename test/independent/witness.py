"""Independent witness of docs/timing.md (T) and docs/values.md (V), written from these two pages alone.

usage: witness.py DIR...    each DIR is one dumped layer (T 7) with all of its firings. All that the dump says
is computed anew; the first difference (file, what, expected, got) ends the program with exit code 1.
"""
import csv
import json
import sys
from types import SimpleNamespace

import numpy as np


def compare(file, what, expected, got):
    """End the program at the first leaf in which two JSON-like values differ; `got` is what the dump says."""
    if expected == got:
        return
    if not isinstance(expected, (dict, list)) or type(expected) is not type(got):
        sys.exit(f'{file}: {what}: expected {expected}, got {got}')
    if isinstance(expected, list):
        expected, got = dict(enumerate(expected)), dict(enumerate(got))
    for key in {**expected, **got}:
        compare(file, f'{what}[{key}]', expected.get(key, 'nothing'), got.get(key, 'nothing'))


def ceil_div(a, b):
    return -(-int(a) // b)


def load(x, name):
    return np.load(f'{x.folder}/{name}') if name.endswith('.npy') else json.load(open(f'{x.folder}/{name}'))


def read(x):
    """T 7: what is taken from the dump."""
    x.mapping, x.inputs = load(x, 'mapping.json'), load(x, 'quantisation.json')
    x.machine = machine = x.mapping['machine']
    x.p_wl, x.p_bl, x.beta = machine['ou']['rows'], machine['ou']['cols'], machine['block']
    x.c, x.d, x.adc = machine['cell']['bits'], machine['input']['bitsPerStep'], machine['adc']
    x.encoding, x.form, x.zero = machine['weights']['encoding'], x.inputs['form'], x.inputs['zero_point']
    x.by_window, x.serial = machine['order'] == 'window-bit', machine['slices'] == 'serial'
    x.polarities, x.parts = 2 if x.encoding == 'differential' else 1, 2 if x.form == 'split' else 1
    x.e = [load(x, matrix['e']).astype(np.int64) for matrix in x.mapping['matrices']]
    x.codes = [load(x, f'codes-{m}.npy').astype(np.int64) for m in range(len(x.e))]
    x.vectors, x.passes = x.codes[0].shape[1], x.codes[0].shape[1] * x.parts


def encode(x):
    """V 1, 2: cells[m][row, column, polarity, slice], digits[m][pass, plane, row], values[m][vector, row]."""
    low, high = min(0, *(int(e.min()) for e in x.e)), max(0, *(int(e.max()) for e in x.e))
    x.offset = max(0, -low) if x.encoding == 'offset' else 0
    x.bits = max(1, {'differential': max(-low, high).bit_length(), 'offset': (high + x.offset).bit_length(),
                     'twos-complement': max(-low - 1, high).bit_length() + 1}[x.encoding])
    x.slices, x.planes = max(1, ceil_div(x.bits, x.c)), ceil_div(8, x.d)
    x.cells, x.digits, x.values = [], [], []
    for e, codes in zip(x.e, x.codes):
        columns = {'differential': [np.maximum(e, 0), np.maximum(-e, 0)], 'offset': [e + x.offset],
                   'twos-complement': [e % 2 ** x.bits]}[x.encoding]
        x.cells.append(np.stack(columns, axis=-1)[..., None] >> x.c * np.arange(x.slices) & 2 ** x.c - 1)
        driven = codes.transpose(1, 0, 2).reshape(x.passes, 1, len(e))
        x.digits.append(driven >> x.d * np.arange(x.planes)[:, None] & 2 ** x.d - 1)
        signed = np.where(codes > 127, codes - 256, codes) if x.form == 'twos-complement' else codes
        x.values.append(signed[0] - signed[1] if x.parts == 2 else signed[0])


def place(x):
    """T 1: strips, OUs, windows, pieces and groups as in mapping.json."""
    x.strips, x.ous, x.windows, x.pieces, x.groups = [], [], [], [], []
    strip, tile, macros = x.machine['strip']['ous'] * x.p_bl, x.machine['tile']['rows'], x.machine['macros']
    x.high, wide = x.machine['array']['rows'] // x.p_wl, x.machine['array']['cols'] // x.p_bl
    x.unit, x.ports = min(x.beta, x.p_bl), strip // min(x.beta, x.p_bl)
    x.padded, x.stages = 2 ** (x.ports - 1).bit_length(), 2 * (x.ports - 1).bit_length() - 1
    x.switches = x.padded // 2 * x.stages                           # one port: 0
    x.tile_rows = [len(e) if tile == 'all' else min(len(e), tile) for e in x.e]
    for m, e in enumerate(x.e):
        for top in range(0, len(e), x.tile_rows[m]):
            for left in range(0, e.shape[1], strip):
                rows = np.arange(top, min(len(e), top + x.tile_rows[m]))
                place_strip(x, m, rows, left, min(strip, e.shape[1] - left))
    row = left = widest = 0
    for number, piece in enumerate(x.pieces):
        if not number or row + piece['heights'] > x.high or left + piece['width'] > wide:
            row, left, widest = 0, left + widest, 0                 # not below the previous one: to the right
            if not number or left + piece['width'] > wide:
                left, group = 0, len(x.groups)
                x.groups.append({'macro': group if macros == 'all' else group % macros, 'pieces': []})
        piece.update(group=len(x.groups) - 1, row=row, col=left)
        x.groups[-1]['pieces'].append(number)
        row, widest = row + piece['heights'], max(widest, piece['width'])


def joined(ports):
    """Mapping page, 3: a setting as a whole permutation; free ports are joined in increasing order."""
    size = 1 << (len(ports) - 1).bit_length()
    free = iter(sorted(set(range(size)) - set(ports)))
    return [next(free) if port < 0 else port for port in ports + [-1] * (size - len(ports))]


def looping(to):
    """Mapping page, 3: switches of a Benes network, stage by stage."""
    if len(to) < 3:
        return [[to[0]]] if len(to) == 2 else []
    half = [None] * len(to)
    for i in range(len(to)):
        while half[i] is None:
            other = to.index(to[i] ^ 1)
            half[i], half[other] = 0, 1
            i = other ^ 1
    inner = [[to[i] // 2 for i in range(len(to)) if half[i] == part] for part in (0, 1)]
    middle = [upper + lower for upper, lower in zip(*map(looping, inner))]
    return [half[::2], *middle, [half[to.index(o)] for o in range(0, len(to), 2)]]


def place_strip(x, m, rows, left, width):
    """T 1.3 to 1.9: one strip with its OUs, windows and pieces."""
    number, diagonal, options = len(x.strips), x.mapping['matrices'][m]['diagonal'], x.machine['mapping']
    blocks = list(range(ceil_div(width, x.beta)))
    perm = blocks if options['remapper'] == 'identity' else x.mapping['strips'][number]['perm']
    compare(f'{x.folder}/mapping.json', f'strips[{number}][perm], sorted', blocks, sorted(perm))
    carried = np.full((ceil_div(len(blocks) * x.beta, x.p_bl), x.p_bl), -1)     # OU column, slot -> output
    carried.flat[:len(blocks) * x.beta] = [block * x.beta + i for block in perm for i in range(x.beta)]
    carried[carried >= width] = -1
    stacks = [[] for _ in carried]
    for j, slots in enumerate(carried):
        outputs = left + slots[slots >= 0]
        keep = np.full(len(rows), len(outputs) > 0)
        if diagonal:
            keep &= np.isin(rows // diagonal['rows'], outputs // diagonal['cols'])
        if options['compress']:
            keep &= x.e[m][np.ix_(rows, outputs)].any(axis=1)
        for i in range(ceil_div(keep.sum(), x.p_wl)):
            run = rows[keep][i * x.p_wl:(i + 1) * x.p_wl]
            cells = x.cells[m][np.ix_(run, outputs)]
            visited = [s for s in range(x.slices) if cells[..., s].any() or not x.machine['skipZeroSlices']]
            stacks[j].append({'strip': number, 'column': j, 'run': i, 'rows': run.tolist(),
                              'outputs': outputs.tolist(), 'slices': visited})
    while options['planarise'] and move(stacks, x.by_window):
        pass
    heights, first = max(map(len, stacks)), len(x.windows)
    x.strips.append({'matrix': m, 'tile': int(rows[0]) // x.tile_rows[m], 'first_row': int(rows[0]),
                     'tile_rows': len(rows), 'first_col': left, 'width': width, 'perm': perm,
                     'windows': [*range(first, first + heights)]})
    for h in range(heights):
        if h % x.high == 0:
            x.pieces.append({'strip': number, 'first_height': h, 'heights': min(x.high, heights - h),
                             'width': len(stacks)})
        own = [{**stack[h], 'slot': slot, 'height': h} for slot, stack in enumerate(stacks) if len(stack) > h]
        columns = [ou['column'] for ou in own]
        ports = np.full((max(map(columns.count, columns)), x.machine['strip']['ous'], x.p_bl // x.unit), -1)
        for i, ou in enumerate(own):                                # setting k moves the k-th OU of an OU column
            ports[columns[:i].count(ou['column']), ou['slot']] = carried[ou['column']][::x.unit] // x.unit
        x.windows.append({
            'strip': number, 'height': h, 'piece': len(x.pieces) - 1, 'ports': ports[0].ravel().tolist(),
            'switches': [''.join(str(bit) for stage in looping(joined(setting.ravel().tolist())) for bit in stage)
                         for setting in ports],
            'ous': [*range(len(x.ous), len(x.ous) + len(own))], 'settings': max(map(columns.count, columns)),
            'row_union': len(set().union(*(ou['rows'] for ou in own)))})
        x.ous += own


def move(stacks, by_window):
    """One move of T 1.7; False if there is none. sorted() is stable: ties go to the lowest index."""
    for a in sorted(stacks, key=len, reverse=True):
        for b in sorted(stacks, key=len):
            at_height = [stack[len(b)]['column'] for stack in stacks if len(stack) > len(b)]
            if len(b) <= len(a) - 2 and not (by_window and a[-1]['column'] in at_height):
                b.append(a.pop())
                return True
    return False


def convert(x):
    """V 3 to V 5, the flags of T 2 and the counters of T 5."""
    mode, largest = x.adc['mode'], x.p_wl * (2 ** x.d - 1) * (2 ** x.c - 1)
    sums, lsb = np.arange(largest + 1), x.adc['lsb'] if mode in ('scaled', 'table') else 1
    x.lossless_bits = largest.bit_length()
    code_bits = x.lossless_bits if mode == 'lossless' else x.adc['bits']
    codes = ((2 * sums + lsb) // (2 * lsb)).astype(np.int64)        # LSB 1: the sum itself
    code_of, clips = np.minimum(codes, 2 ** code_bits - 1), codes > 2 ** code_bits - 1
    if mode == 'table':
        code_of, clips = np.take(x.adc['table'], sums, mode='clip'), sums >= len(x.adc['table'])
    weight = np.full((x.passes, x.planes, 1, x.slices), lsb)        # pass, plane, output, slice
    weight *= 2 ** (x.d * np.arange(x.planes))[:, None, None] * 2 ** (x.c * np.arange(x.slices))
    weight[1::2] *= -1 if x.form == 'split' else 1
    weight[:, 7:] *= -1 if x.form == 'twos-complement' else 1
    weight[..., -1] *= -1 if x.encoding == 'twos-complement' else 1
    levels, histogram = np.zeros(2 ** x.c, np.int64), np.zeros(max(code_of) + 1, np.int64)
    acc, x.flags, sizes = [np.zeros((x.vectors, e.shape[1])) for e in x.e], [], []
    for ou in x.ous:
        m, rows, outputs, visited = x.strips[ou['strip']]['matrix'], ou['rows'], ou['outputs'], ou['slices']
        cells, digits = x.cells[m][np.ix_(rows, outputs)][..., visited], x.digits[m][:, :, rows]
        flags = (digits.any(axis=2) | (not x.machine['skipZeroPlanes'])) & (len(visited) > 0)
        total = np.tensordot(digits, cells, (2, 0))                 # pass, plane, output, polarity, slice
        code = code_of[total]
        difference = code[..., 0, :] - (code[..., 1, :] if x.polarities == 2 else 0)
        result = (difference * weight[..., visited] * flags[:, :, None, None]).sum(axis=(1, 3))
        acc[m][:, outputs] += result.reshape(x.vectors, x.parts, -1).sum(axis=1)
        acc[m][:, outputs] -= x.offset * x.values[m][:, rows].sum(axis=1, keepdims=True)
        driven = (digits * flags[..., None]).sum(axis=(0, 1))       # per row, over the planes fired
        levels += [driven @ (cells == level).sum(axis=(1, 2, 3)) for level in range(2 ** x.c)]
        histogram += np.bincount(code[flags].ravel(), minlength=len(histogram))
        sizes.append([flags.sum(), len(rows), len(outputs), len(visited), clips[total[flags]].sum(),
                      driven.sum()])
        x.flags.append(flags)
    fired, rows, outputs, visited, clipped, driven = np.array(sizes, np.int64).reshape(-1, 6).T
    merged = [window['ous'] for window in x.windows] if x.by_window else [[o] for o in range(len(x.ous))]
    slices_passed = sum(np.count_nonzero(sum(x.flags[o] for o in own if s in x.ous[o]['slices']))
                        for own in merged for s in range(x.slices))     # over the Benes items
    held = {(x.strips[window['strip']]['matrix'], output, window['piece'])
            for window in x.windows for o in window['ous'] for output in x.ous[o]['outputs']}
    adds = x.vectors * (len(held) - len({one[:2] for one in held}))
    gathers, results = x.passes * rows.sum(), (fired * outputs * visited).sum()
    psums = results if x.serial else (fired * outputs).sum()
    settings = x.passes * sum(window['settings'] for window in x.windows) * x.switches
    x.counters = {
        'bufferBitsRead': x.passes * sum(window['row_union'] for window in x.windows) * 8,
        'permutationBitsRead': settings, 'benesSettingLoads': settings, 'rowGathers': gathers,
        'flagOrs': gathers * x.machine['skipZeroPlanes'], 'inputSumAdds': gathers * (x.encoding == 'offset'),
        'rowListBitsRead': x.passes * row_list_bits(x),
        'wordLinePulses': (driven * visited).sum() * x.polarities, 'cellReads': levels.tolist(),
        'adcConversions': results * x.polarities, 'adcCodes': histogram.tolist(), 'clipped': clipped.sum(),
        'polaritySubtractions': results * (x.polarities == 2), 'shiftAdds': results,
        'benesSwitchBits': x.switches * x.unit * (code_bits + x.polarities - 1) * slices_passed,
        'psumReads': psums + 2 * adds, 'psumWrites': psums + adds, 'pieceAdds': adds,
        'outputWrites': x.vectors * sum(e.shape[1] for e in x.e), 'planesFired': fired.sum(),
        'planesTotal': len(x.ous) * x.passes * x.planes, 'ouActivations': (fired * visited).sum()}
    x.sums = np.hstack([e.sum(axis=0) for e in x.e])
    x.outputs = np.hstack(acc) - x.zero * x.sums


def row_list_bits(x):
    """T 1.12: of all OUs together."""
    options = x.machine['mapping']
    if not options['compress']:
        return 0
    width = [max(1, (rows - 1).bit_length()) for rows in x.tile_rows]
    lists = [(width[x.strips[ou['strip']]['matrix']], ou['rows']) for ou in x.ous]
    gaps = [[b - a - 1 for a, b in zip(rows, rows[1:])] for _, rows in lists]
    first = sum(w for w, _ in lists)
    bits = {'plain': sum(w * len(rows) for w, rows in lists),
            'delta': first + min(d * sum(gap // (2 ** d - 1) + 1 for own in gaps for gap in own)
                                 for d in range(2, max(2, *width, *width) + 1)),
            'bitmap': first + sum(rows[-1] - rows[0] for _, rows in lists)}
    return min(bits.values()) if options['index'] == 'best' else bits[options['index']]


def fire(x, stage, item):
    """T 2, 3: firings on an item (pass, window, OU, plane, slice): [(interval, item fired, item emitted)]."""
    q, w, o, b, s = item
    window, of, own = x.windows[w], x.windows[w]['ous'] if o < 0 else [o], x.machine[stage]
    if stage == 'cache':
        return [(max(1, ceil_div(window['row_union'] * 8, own['portBits'])), item, item)]
    if stage == 'load':
        made = [(max(1, ceil_div(len(x.ous[i]['rows']), own['rowsPerCycle'])), (q, w, i, b, s)) for i in of]
        return [(*one, item if x.by_window else one[1]) for one in made]
    if stage == 'adc':
        columns = len(x.ous[o]['outputs']) * x.polarities * (1 if x.serial else len(x.ous[o]['slices']))
        cycles = ceil_div(columns, x.machine['adcs']) * own['cyclesPerConversion']
        return [(cycles, item, (q, w, -1, b, s) if x.by_window else item)]
    made = [item]
    if stage == 'skip':
        made = [(q, w, o, plane, s) for plane in range(x.planes) if any(x.flags[i][q, plane] for i in of)]
    if stage == 'cim':
        made = [(q, w, i, b, k) for k in (range(x.slices) if x.serial else [-1]) for i in of
                if x.flags[i][q, b] and (k < 0 or k in x.ous[i]['slices'])]
    emits = made and stage != 'shiftAdd'
    return [(own['interval'], one, one if emits else None) for one in made or [item]]


def run(x, macro):
    """T 2 to T 4: the firings of a macro by stage, as in firings.csv, and its counters."""
    stages = ['cache', 'load', 'skip', 'cim', 'adc'] + ['benes'] * (x.ports > 1) + ['shiftAdd']
    items = [(q, w, -1, -1, -1) for group in x.groups if group['macro'] == macro for q in range(x.passes)
             for p in group['pieces'] for w, window in enumerate(x.windows) if window['piece'] == p]
    arrival, release, starts = [[0] * len(items)] + [[] for _ in stages], [[]], [[] for _ in stages]
    free, blocked, plans, latency = [0] * len(stages), [0] * len(stages), [], []
    for stage in stages:
        own, nothing = x.machine[stage], (None, None, None, None)
        made = [(m, *one) for m, item in enumerate(items) for one in fire(x, stage, item)]
        items, plan = [], []        # consecutive firings that emit the same item are merged into one output
        for before, (m, interval, label, out), after in zip([nothing] + made, made, made[1:] + [nothing]):
            credit, emits = len(items) if out and out != before[3] else 0, out and out != after[3]
            plan.append((m, interval, label, credit, emits, m != after[0]))
            items += [out] if emits else []
        plans.append(plan)
        latency.append({'combinational': 1, 'registered': x.stages}.get(own['latency'], own['latency']))
        conversion = ceil_div(x.polarities, x.machine['adcs']) * x.adc['cyclesPerConversion']
        smallest = {'cache': 1, 'load': 1, 'adc': conversion}.get(stage) or own['interval']
        depth = max(1, ceil_div(latency[-1], smallest)) if own['depth'] == 'auto' else own['depth']
        release.append([0] * (own['queue'] + depth))    # output n waits for entry n; no credit: entry 0
    while any(len(made) < len(plan) for made, plan in zip(starts, plans)):
        for i in reversed(range(len(stages))):          # evaluate the law where all of its terms are known
            for k in range(len(starts[i]), len(plans[i])):
                m, interval, _, credit, emits, last = plans[i][k]
                if m >= len(arrival[i]) or credit >= len(release[i + 1]):
                    break
                ready = max(arrival[i][m], free[i])
                start = max(ready, release[i + 1][credit])
                starts[i].append(start)
                blocked[i], free[i] = blocked[i] + start - ready, start + interval
                release[i] += [start] if last else []
                travel = latency[i] if x.machine[stages[i]]['streaming'] else max(latency[i], interval)
                arrival[i + 1] += [start + travel] if emits else []
    firings = {stage: [[t, p[1], *p[2]] for t, p in zip(*own)] for stage, *own in zip(stages, starts, plans)}
    span = max(one[0] + max(delay, one[1]) for stage, delay in zip(stages, latency) for one in firings[stage])
    busy = {stage: sum(one[1] for one in firings[stage]) for stage in stages}
    return firings, {'macro': macro, 'span': span, 'stages': [
        {'name': stage, 'firings': len(firings[stage]), 'busy': busy[stage], 'blocked': wait,
         'starved': span - busy[stage] - wait} for stage, wait in zip(stages, blocked)]}


def check(x):
    """Compare everything with the dump."""
    compare(f'{x.folder}/mapping.json', 'mapping', {
        **x.mapping, 'lossless_bits': x.lossless_bits, 'encoding_offset': x.offset, 'weight_bits': x.bits,
        'slices': x.slices, 'polarities': x.polarities, 'planes': x.planes, 'strips': x.strips, 'ous': x.ous,
        'benes': {'ports': x.ports, 'padded': x.padded, 'switches': x.switches}, 'windows': x.windows,
        'matrices': [{**m, 'rows': len(e), 'cols': len(e[0])} for m, e in zip(x.mapping['matrices'], x.e)],
        'pieces': x.pieces, 'groups': x.groups}, x.mapping)
    firings, macros, dumped = {}, [], {}
    for macro in sorted({group['macro'] for group in x.groups}):
        stages, counters = run(x, macro)
        macros.append(counters)
        firings.update({f'macro {macro}, {stage}': made for stage, made in stages.items() if made})
    for macro, stage, *numbers in list(csv.reader(open(f'{x.folder}/firings.csv', newline='')))[1:]:
        dumped.setdefault(f'macro {macro}, {stage}', []).append([int(number) for number in numbers])
    compare(f'{x.folder}/firings.csv', 'firings', firings, dumped)
    counters = {**x.counters, 'cycles': max((row['span'] for row in macros), default=0), 'macros': macros}
    compare(f'{x.folder}/counters.json', 'counters', counters, load(x, 'counters.json'))
    compare(f'{x.folder}/quantisation.json', 'weight_sums', x.sums.tolist(), x.inputs['weight_sums'])
    compare(f'{x.folder}/outputs.npy', 'outputs', x.outputs.tolist(), load(x, 'outputs.npy').tolist())


if __name__ == '__main__':
    for directory in sys.argv[1:]:
        layer = SimpleNamespace(folder=directory)
        for step in (read, encode, place, convert, check):
            step(layer)
    print(f'{len(sys.argv) - 1} layers agree')
