"""Prints the golden numbers of strip_test.ts: scikit-learn's own rules over every post of 20 Newsgroups.

Usage: python3 strip_golden.py 20news-bydate.jsonl.gz
"""

import gzip
import hashlib
import json
import sys

from sklearn.datasets._twenty_newsgroups import (
    strip_newsgroup_footer,
    strip_newsgroup_header,
    strip_newsgroup_quoting,
)

digest = hashlib.sha256()
posts = empty = 0
with gzip.open(sys.argv[1], "rt", encoding="utf-8", newline="\n") as lines:
    for line in lines:
        text = json.loads(line)["text"]
        text = strip_newsgroup_quoting(strip_newsgroup_footer(strip_newsgroup_header(text)))
        digest.update((text + "\0").encode("utf-8"))
        posts += 1
        empty += text.strip() == ""
print(posts, empty, digest.hexdigest())
