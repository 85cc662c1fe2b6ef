"""Reads TAP from standard input and writes its YAML diagnostics as a list of JSON objects."""

import json
import re
import sys

import yaml

blocks = re.findall(r"^  ---\n(.*?)^  \.\.\.\n", sys.stdin.buffer.read().decode(), re.DOTALL | re.MULTILINE)
json.dump([yaml.safe_load(block) for block in blocks], sys.stdout)
