"""What bench/suite has measured, ready for bench/report and bench/plots.py."""

import csv
import os
import statistics
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = os.path.join(HERE, "measured", "suite.csv")

SCENARIOS = ["room", "timeslot", "event", "bus", "hotel", "concert", "calendar", "pool"]
STRATEGIES = [
    "naive", "txn", "trigger", "serializable", "version", "forupdate", "function", "advisory",
    "counter", "unique", "exclude", "redis", "booking", "bare",
]


class Figures:
    """The races of one setting: the same part, scenario, strategy, clients and commit delay."""

    def __init__(self, rows):
        self.rows = rows

    def median(self, column):
        return statistics.median(float(row[column]) for row in self.rows)

    def worst(self, column):
        return max(float(row[column]) for row in self.rows)

    @property
    def oversold_share(self):
        """How much of what was sold had been sold before, in the worst round."""
        return max(int(row["oversold"]) / max(int(row["sold"]), 1) for row in self.rows)

    @property
    def promise(self):
        return self.rows[0]["promise"]


class Results:
    def __init__(self, path=SUITE):
        with open(path, newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        self.groups = defaultdict(list)
        for row in self.rows:
            if not row["note"]:  # a note says why there is no result
                self.groups[self._key(row)].append(row)

    @staticmethod
    def _key(row):
        return row["label"], row["scenario"], row["strategy"], int(row["clients"]), float(row["commit_delay_ms"])

    def get(self, part, scenario, strategy, clients, delay):
        rows = self.groups.get((part, scenario, strategy, clients, float(delay)))
        return Figures(rows) if rows else None

    def clients(self, part, scenario):
        """The numbers of clients that were raced with, ascending."""
        return sorted({key[3] for key in self.groups if key[0] == part and key[1] == scenario})

    def for_overselling(self, scenario, strategy):
        """The races that tell whether a strategy sells twice; a concert of 100,000 places is not sold out in time, so a small one counts, too."""
        races = [("all", 0), ("all", 1)] + ([("soldout", 0)] if scenario == "concert" else [])
        clients = self.clients("all", scenario)[0]
        return [f for part, delay in races if (f := self.get(part, scenario, strategy, clients, delay))]

    def rounds(self, part):
        return max((len(rows) for key, rows in self.groups.items() if key[0] == part), default=0)

    def provenance(self):
        """Which machine, which versions, which commit, when."""
        row = self.rows[0]
        commits = list(dict.fromkeys(row["commit"] for row in self.rows))
        commits = commits if len(commits) < 3 else [commits[0], "...", commits[-1]]
        return (
            f"PostgreSQL {row['postgresql']}, booking {row['booking'] or 'not installed'}, Redis {row['redis']}, "
            f"{row['cpus']} x {row['machine']}, commit {' '.join(commits)}, {row['started'][:10]}"
        )

    def settings(self):
        return self.rows[0]["settings"]
