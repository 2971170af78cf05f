#!/usr/bin/env python3
"""A run directory of cimulator with pandas: python3 analyse.py RUN [RUN ...]

Prints, for every run, its layers, where the energy goes and where the cycles go; for several runs also the totals side by side.
Needs pandas. Parquet is read with pyarrow or fastparquet; without them `cimulator table` (or $CIMULATOR) gives the same tables as CSV.
"""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd


def table(run, name):
    """One table of a run: layers, stages, actions, energy; columns as docs/results.md has them."""
    run = Path(run)
    try:
        return pd.read_parquet(run / f"{name}.parquet")
    except ImportError:
        command = shlex.split(os.environ.get("CIMULATOR", "cimulator"))
        text = subprocess.run([*command, "table", str(run), name], check=True, capture_output=True, text=True).stdout
        return pd.read_csv(io.StringIO(text))


def summary(run):
    return json.loads((Path(run) / "summary.json").read_text())


def layers(run):
    """Cycles, speed-up over the bare dense machine and energy of every layer."""
    frame = table(run, "layers").set_index("layer_name")
    return pd.DataFrame(
        {
            "cycles": frame["cycles"],
            "share": frame["cycles"] / frame["cycles"].sum(),
            "speed_up": frame["dense_bare_cycles"] / frame["cycles"],
            "limit": frame["limiting_stage"],
            "busy": frame["limiting_stage_busy_share"],
            "energy_uj": frame["energy_pj"] / 1e6,
            "zeros": frame["zero_weights"] / frame["weights"],
        }
    )


def energy_by_component(run):
    frame = table(run, "energy")
    frame["energy_uj"] = (frame["dynamic_pj"] + frame["leakage_pj"]) / 1e6
    sums = frame.groupby("component")[["energy_uj"]].sum().sort_values("energy_uj", ascending=False)
    sums["share"] = sums["energy_uj"] / sums["energy_uj"].sum()
    return sums


def cycles_by_stage(run):
    """Shares of the cycles in which a stage works, is blocked by the next one, or starves."""
    sums = table(run, "stages").groupby("stage", sort=False)[["busy_cycles", "blocked_cycles", "starved_cycles"]].sum()
    return sums.div(sums.sum(axis=1), axis=0)


def totals(runs):
    keys = ["cycles", "time_ns", "energy_pj", "area_um2", "tops_per_watt"]
    return pd.DataFrame({str(run): {key: summary(run)["totals"][key] for key in keys} for run in runs})


def check(run):
    """The tables add up to the totals: what a reader may rely on."""
    total = summary(run)["totals"]
    assert table(run, "layers")["cycles"].sum() == total["cycles"]
    assert abs(energy_by_component(run)["energy_uj"].sum() * 1e6 / total["energy_pj"] - 1) < 1e-9
    stages = table(run, "stages")
    assert (stages[["busy_cycles", "blocked_cycles", "starved_cycles"]].sum(axis=1) == stages["span_cycles"]).all()


def main(runs):
    if not runs:
        sys.exit(__doc__)
    pd.options.display.float_format = "{:.4g}".format
    pd.options.display.width = 160
    for run in runs:
        check(run)
        print(f"== {run}: {summary(run)['machine']}\n")
        for frame in (layers(run), energy_by_component(run), cycles_by_stage(run)):
            print(frame.to_string(), end="\n\n")
    if len(runs) > 1:
        print(totals(runs).to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
