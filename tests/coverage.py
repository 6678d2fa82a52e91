# SPDX-License-Identifier: MIT
# coverage.py FOLDER [--missed]: reads what `llvm-cov export` says about the headers below FOLDER from stdin and prints
# covered lines and branches for each of its folders; with --missed, also where the uncovered ones are.
#
# The instantiations of a template count together: a line counts where any of them has code and is covered where any of
# them ran; the same of each direction of each condition. Only conditions of the source count, as clang sees them, and
# none that is a constant (`if constexpr`); calls that may throw are no branches.
import collections
import json
import pathlib
import sys


def counts_at(segments):
    """Line -> largest count of a region on it, and a function that gives the count at a position."""
    lines = {}
    open_count = None  # the count that holds at the start of a line; None outside of code
    by_line = collections.defaultdict(list)
    for line, column, count, has_count, is_entry, is_gap in segments:
        by_line[line].append((column, count if has_count and not is_gap else None, is_entry, has_count))
    if segments:
        for line in range(segments[0][0], segments[-1][0] + 1):
            here = [open_count] if open_count is not None else []
            here += [count for _, count, is_entry, _ in by_line[line] if is_entry and count is not None]
            if here:
                lines[line] = max(here)
            if by_line[line]:
                open_count = by_line[line][-1][1]

    def at(line, column):
        count = None
        for segment in segments:
            if (segment[0], segment[1]) > (line, column):
                break
            count = segment[2] if segment[3] else None
        return count

    return lines, at


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    show = "--missed" in sys.argv[2:]
    totals = collections.defaultdict(lambda: [0, 0, 0, 0])
    for file in sorted(json.load(sys.stdin)["data"][0]["files"], key=lambda f: f["filename"]):
        name = pathlib.Path(file["filename"]).resolve().relative_to(root)
        text = (root / name).read_text().splitlines()
        lines, at = counts_at(file["segments"])
        branches = collections.defaultdict(lambda: [0, 0])
        for b in file["branches"]:
            branches[tuple(b[:4])][0] += b[4]
            branches[tuple(b[:4])][1] += b[5]
        missed = {line: "never runs" for line, count in lines.items() if count == 0}
        covered_ways = ways = 0
        for (line, column, *_), (yes, no) in sorted(branches.items()):
            if yes == no == 0 and at(line, column):
                continue  # evaluated, yet neither way counted: a constant
            ways += 2
            covered_ways += (yes > 0) + (no > 0)
            if (yes == 0 or no == 0) and line not in missed:
                missed[line] = f"column {column} never {'true' if yes == 0 else 'false'}"
        for folder in (name.parts[0] if len(name.parts) > 1 else ".", "total"):
            sums = (sum(count > 0 for count in lines.values()), len(lines), covered_ways, ways)
            totals[folder] = [a + b for a, b in zip(totals[folder], sums)]
        if show:
            for line, why in sorted(missed.items()):
                print(f"{name}:{line}: {why}: {text[line - 1].strip()}")
    for folder, (l, all_l, b, all_b) in totals.items():
        if folder != "total":
            report(folder, l, all_l, b, all_b)
    report("total", *totals["total"])


def report(folder, l, all_l, b, all_b):
    def share(part, whole):
        return f"{part:6} of {whole:6} {100 * part / whole:6.1f} %" if whole else "     none"

    print(f"{folder:12} lines {share(l, all_l)}   branches {share(b, all_b)}")


main()
