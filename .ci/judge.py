"""Judges the twin's differences by the list of those that are meant.

usage: judge.py DIFFERENCES.json KNOWN.txt [the twin's options: with any, what was not played is not missed]
"""
import json
import sys


def known_differences(path):
    """{(scenario, version or None): line number}; a line without versions stands for all of a scenario."""
    known = {}
    for number, line in enumerate(open(path), 1):
        words = line.split("#")[0].split(None, 2)
        if not words:
            continue
        if len(words) < 3 or not (words[1] == "all" or words[1].startswith("v")):
            sys.exit(f"{path}:{number}: write: AREA/SCENARIO all|vN|vN-M REASON")
        if words[1] == "all":
            known[words[0], None] = number
        else:
            first, _, last = words[1][1:].partition("-")
            for version in range(int(first), int(last or first) + 1):
                known[words[0], version] = number
    return known


def main(found_path, known_path, selected):
    known = known_differences(known_path)
    outcomes = json.load(open(found_path))
    used, failures, unproven = set(), [], []
    for outcome in outcomes:
        for case in outcome["cases"]:
            name, version = outcome["scenario"], case["version"]
            shown = name if version is None else f"{name} v{version}"
            if case["verdict"] == "error":
                unproven.append(shown)
            elif case["verdict"] != "same":
                line = known.get((name, version), known.get((name, None)))
                if line is None:
                    failures.append(shown)
                else:
                    used.add(line)
    played = {outcome["scenario"] for outcome in outcomes}
    stale = sorted({(line, name) for (name, _), line in known.items()
                    if line not in used and (name in played or not selected)})
    for shown in unproven:
        print(f"proves nothing (it fails on Apache Kafka): {shown}")
    for shown in failures:
        print(f"differs, and should not: {shown}")
    for line, name in stale:
        print(f"{known_path}:{line}: {name} differs no more: remove the line")
    print(f"{len(outcomes)} scenarios, {len(used)} known differences, {len(failures)} unknown, {len(stale)} stale")
    return 1 if failures or stale or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
