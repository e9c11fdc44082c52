"""Puts the outcomes of a second run of the twin in place of those of the first.

usage: replace.py FIRST.json SECOND.json
"""
import json
import sys


def main(first_path, second_path):
    with open(first_path) as file:
        outcomes = json.load(file)
    with open(second_path) as file:
        newer = {outcome["scenario"]: outcome for outcome in json.load(file)}
    if not newer or not newer.keys() <= {outcome["scenario"] for outcome in outcomes}:
        sys.exit(f"{second_path} does not tell of scenarios that {first_path} knows")
    with open(first_path, "w") as file:
        json.dump([newer.get(outcome["scenario"], outcome) for outcome in outcomes], file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
