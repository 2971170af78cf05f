"""Runs the code cells of a notebook one after another, without Jupyter: python3 notebook.py FILE.ipynb"""

import json
import sys
from pathlib import Path

file = Path(sys.argv[1])
sys.path.insert(0, str(file.parent))
names = {"__name__": "__main__"}
for number, cell in enumerate(json.loads(file.read_text())["cells"]):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"{file.name}, cell {number}", "exec"), names)
