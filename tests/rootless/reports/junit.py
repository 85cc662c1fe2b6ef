"""Reads JUnit XML from standard input as a CI system does: valid by the schema given, then parsed."""

import json
import sys

import junitparser
from lxml import etree

text = sys.stdin.buffer.read()
etree.XMLSchema(file=sys.argv[1]).assertValid(etree.fromstring(text))
suites = junitparser.JUnitXml.fromstring(text)
json.dump(
    {
        "suites": [
            {
                "name": suite.name,
                "tests": suite.tests,
                "failures": suite.failures,
                "errors": suite.errors,
                "skipped": suite.skipped,
                "properties": {it.name: it.value for it in suite.properties()},
            }
            for suite in suites
        ],
        "cases": [
            {
                "classname": case.classname,
                "name": case.name,
                "seconds": case.time,
                "results": [
                    {"kind": type(it).__name__, "message": it.message, "type": it.type, "text": it.text or ""}
                    for it in case.result
                ],
                "out": case.system_out or "",
            }
            for suite in suites
            for case in suite
        ],
    },
    sys.stdout,
)
