"""Reads GitHub's Markdown from standard input; writes its tables, headings, code blocks and raw HTML."""

import json
import sys

from markdown_it import MarkdownIt

tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(sys.stdin.buffer.read().decode())


def plain(inline):
    return "".join(child.content for child in inline.children)


def after(kind):
    return [plain(tokens[at + 1]) for at, token in enumerate(tokens) if token.type == kind]


json.dump(
    {
        "headings": after("heading_open"),
        "cells": after("td_open"),
        "items": [plain(token) for token in tokens if token.type == "inline" and token.level == 3 and token.children],
        "code": [[token.info, token.content] for token in tokens if token.type == "fence"],
        "html": [token.content for token in tokens if token.type == "html_block"]
        + [child.content for token in tokens for child in token.children or [] if child.type == "html_inline"],
        "inline": sorted({child.type for token in tokens for child in token.children or []}),
    },
    sys.stdout,
)
