"""Parts of a document that a program writes: between `<!-- NAME -->` and `<!-- end -->`."""

import re
from collections.abc import Mapping


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """The document with each block written anew. Raises KeyError for a block that nobody writes."""

    def block(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{blocks[match[1]].strip()}\n<!-- end -->"

    return re.sub(r"<!-- ([\w ,%]+) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)
