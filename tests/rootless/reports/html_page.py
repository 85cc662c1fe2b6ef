"""Reads a page as a browser does, and writes what is in it as JSON."""
import json
import sys

import lxml.html

page = lxml.html.document_fromstring(sys.stdin.buffer.read())


def text(element):
    return " ".join(element.text_content().split())


elements = [element for element in page.iter() if isinstance(element.tag, str)]
attributes = [(name, value) for element in elements for name, value in element.attrib.items()]
print(json.dumps({
    "language": page.get("lang"),
    "loaded": [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")],
    "handlers": [name for name, _ in attributes if name.startswith("on")],
    "tags": sorted({element.tag for element in elements}),
    "findings": [text(it) for it in page.xpath("//section[contains(@class, 'finding')]/h2")],
    "fixes": [fix.text_content() for fix in page.xpath("//pre[@class='fix']")],
    "rows": [text(row) for row in page.xpath("//tbody/tr")],
}))
