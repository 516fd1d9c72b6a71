"""Real data that ships with the lab, about people: patients, the insured, and travellers who choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.bundled import shipped
from mtl_core.data.divide import divide
from mtl_core.tasks import TaskSpec

PLANS = {11: "free care", 13: "a deductible for each person"}
PLANS |= dict.fromkeys((5, 6, 7, 17, 18, 19), "25 % to pay") | dict.fromkeys((8, 9, 10), "50 % to pay")
PLANS |= dict.fromkeys((14, 15, 16), "95 % to pay")
"""Numbers of the experiment's plans, by what the insured paid of each bill up to a limit."""


@sources.register("diabetes", title="Diabetes")
@dataclass(frozen=True)
class Diabetes(Source):
    """442 patients: the disease's progress in a year, and two blood values of the first day, from the other values.

    Blood sugar and triglycerides (s6 and s5 of the published table) are tasks here, so they are no features. Nor is
    LDL (s2): it was computed as total cholesterol - HDL - triglycerides / 5, so with it the third task is arithmetic.
    """

    def load(self) -> Dataset:
        from sklearn.datasets import load_diabetes

        table = load_diabetes(as_frame=True, scaled=False).frame
        names = {"age": "age", "sex": "sex (code)", "bmi": "body mass index", "bp": "blood pressure"}
        names |= {"s1": "total cholesterol", "s3": "HDL", "s4": "total cholesterol / HDL"}
        tasks = {"progress in a year": "target", "blood sugar": "s6", "triglycerides (log)": "s5"}
        return Dataset(
            name="diabetes",
            title=self.title,
            features=table[list(names)].rename(columns=names),
            targets=pd.DataFrame({task: table[column].astype(float) for task, column in tasks.items()}),
            tasks=(
                TaskSpec("progress in a year", "regression"),
                TaskSpec("blood sugar", "regression", unit="mg/dl"),
                TaskSpec("triglycerides (log)", "regression"),
            ),
            source="Efron, Hastie, Johnstone, Tibshirani (2004), Annals of Statistics 32(2); package scikit-learn",
            licence="BSD-3-Clause, as distributed with scikit-learn",
            description="442 diabetes patients measured on one day, and how far the disease went in the year after.",
            notes=(
                "Which sex the codes 1 and 2 stand for is not published.",
                "LDL is left out: it was computed from the triglycerides, which are a task.",
            ),
        )


@sources.register("doctor_visits", title="Doctor visits")
@dataclass(frozen=True)
class DoctorVisits(Source):
    """5,267 insured people, five insurance plans: visits to the doctor in a year; each plan is a task of its own.

    Families were dealt one of the plans by lot, so plans differ in what care costs and in nothing else. Rows of one
    family stay on one side of a split.
    """

    def load(self) -> Dataset:
        table = shipped("doctor_visits.csv")
        table = table[table["plan"].isin(PLANS)].reset_index(drop=True)
        plans = table["plan"].map(PLANS).rename("plan:")
        division = divide(TaskSpec("visits", "count", unit="visits a year"), table["mdvis"].to_numpy(float), plans)
        families = table.groupby(["plan", "site", "income", "num"]).ngroup().to_numpy(np.int64)
        return Dataset(
            name="doctor_visits",
            title=self.title,
            features=_insured(table).iloc[division.rows].reset_index(drop=True),
            targets=division.targets,
            tasks=division.tasks,
            source="RAND Health Insurance Experiment; Cameron, Trivedi (2005), Microeconometrics; package statsmodels",
            licence="public domain",
            description="First year of the RAND Health Insurance Experiment, USA, 1974 to 1982; each row is a person.",
            groups=np.asarray(families[division.rows]),
            notes=(
                "A row has a label for its own plan only, so no row teaches two tasks directly.",
                "371 people on four plans whose terms the file does not make clear are left out.",
                "Families are not named in the file; people of one plan, site, income and family size count as one.",
            ),
        )


def _insured(table: pd.DataFrame) -> pd.DataFrame:
    health = np.select([table["hlthg"] > 0, table["hlthf"] > 0, table["hlthp"] > 0], ["good", "fair", "poor"], "best")
    names = {"xage": "age", "female": "female", "educdec": "years of school (head of family)", "income": "income"}
    names |= {"num": "family size", "mhi": "mental health index", "disea": "chronic diseases"}
    names |= {"physlm": "physical limitation"}
    return table[list(names)].rename(columns=names).assign(health=health, site="site " + table["site"].astype(str))


@sources.register("travel_choice", title="Travel choice")
@dataclass(frozen=True)
class TravelChoice(Source):
    """210 travellers choose among plane, train, bus and car: two tasks, for those who go alone and those who do not.

    A row is one offer, and the four offers to a traveller are a list in which the one that was taken stands first. The
    generalised cost of the published table is left out: it is a sum of the fare and the time.
    """

    def load(self) -> Dataset:
        table = shipped("travel_choice.csv")
        modes = table["mode"].map({1: "plane", 2: "train", 3: "bus", 4: "car"})
        names = {"ttme": "wait (min)", "invc": "fare ($)", "invt": "time on the way (min)"}
        names |= {"hinc": "household income ($1000)"}
        travellers = table["individual"].to_numpy(np.int64)
        chosen, alone = table["choice"].to_numpy(float), table["psize"].to_numpy() == 1
        targets = {
            "chosen, alone": np.where(alone, chosen, np.nan),
            "chosen, together": np.where(alone, np.nan, chosen),
        }
        return Dataset(
            name="travel_choice",
            title=self.title,
            features=table[list(names)].rename(columns=names).assign(mode=modes, party=table["psize"]),
            targets=pd.DataFrame(targets),
            tasks=tuple(TaskSpec(task, "ranking") for task in targets),
            source="Greene, Hensher (1997); Greene (2011), Econometric Analysis, table F18-2; package statsmodels",
            licence="public domain",
            description="Trips between Sydney, Canberra and Melbourne, 1987; each traveller took one of four offers.",
            groups=travellers,
            queries=travellers,
            notes=(
                "Travellers by plane, train and bus were sampled more often than they occur, those by car less often.",
                "The wait for a car is 0, so it says which offer is the car.",
            ),
        )
