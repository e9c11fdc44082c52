"""Judges the twin's differences by the list of those that are meant.

usage: judge.py DIFFERENCES.json KNOWN.txt [the twin's options: with any, what was not played is not missed]
"""
import json
import re
import sys

LINE = re.compile(r"(?P<scenario>\S+)\s+(?P<versions>all|v\d+(-\d+)?)\s+(\[(?P<field>\w+)\]\s+)?(?P<reason>\S.*)")


class Known:
    """One line of the list: a scenario's versions, or only one field of its answers."""

    def __init__(self, place, match):
        self.place = place
        self.scenario = match["scenario"]
        self.field = match["field"]
        first, _, last = match["versions"][1:].partition("-")
        self.versions = None if match["versions"] == "all" else range(int(first), int(last or first) + 1)
        self.used = False

    def covers(self, scenario, version, difference):
        here = scenario == self.scenario and (self.versions is None or version in self.versions)
        return here and (self.field is None or difference["path"].endswith("." + self.field))


def known_differences(path):
    known = []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            match = LINE.fullmatch(line)
            if not match:
                sys.exit(f"{path}:{number}: write: AREA/SCENARIO all|vN|vN-M [FIELD] REASON, the field only if it is one")
            known.append(Known(f"{path}:{number}", match))
    return known


def main(found_path, known_path, selected):
    known = known_differences(known_path)
    with open(found_path) as file:
        outcomes = json.load(file)
    failures = 0
    for outcome in outcomes:
        for case in outcome["cases"]:
            name, version = outcome["scenario"], case["version"]
            shown = name if version is None else f"{name} v{version}"
            if case["verdict"] == "error":
                print(f"proves nothing (it fails on Apache Kafka): {shown}")
                continue
            unknown = 0
            for difference in case["differences"]:
                if difference["level"] != "field":
                    continue
                meant = [line for line in known if line.covers(name, version, difference)]
                for line in meant:
                    line.used = True
                unknown += not meant
            if unknown:
                print(f"differs, and should not: {shown} ({unknown})")
                failures += 1
    played = {outcome["scenario"] for outcome in outcomes}
    stale = [line for line in known if not line.used and (line.scenario in played or not selected)]
    for line in stale:
        print(f"{line.place}: {line.scenario} differs no more: remove the line")
    used = sum(line.used for line in known)
    print(f"{len(outcomes)} scenarios, {used} known differences, {failures} unknown, {len(stale)} stale")
    return 1 if failures or stale or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
