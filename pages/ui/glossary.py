"""The words of a verdict, each in a sentence or two and with its source: for tips and for the Reference page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word, what it means here, and who defined it (empty = this lab)."""

    word: str
    meaning: str
    source: str = ""


GLOSSARY: tuple[Term, ...] = (
    Term(
        "task",
        "One thing to predict from the same inputs: a number, a count, a yes or no, a class, or a step on a scale.",
    ),
    Term("alone", "The score of a task when a network learns it by itself, from the same start and on the same rows."),
    Term("together", "The score of the same task when one network learns it with the other tasks."),
    Term(
        "gain",
        "How much lower the error is together than alone, in percent of the error alone. Positive: sharing helps. "
        "gain = 100 * (alone - together) / alone",
    ),
    Term(
        "error",
        "What a gain is measured in; lower is better. Numbers: the relative error (RRMSE; RMAE where outliers count "
        "less). Counts: the relative Poisson deviance. Classes: the log-loss. Steps: the ranked probability score.",
    ),
    Term(
        "RRMSE",
        "Error relative to always predicting the mean of the training rows; 1 is no better than that, 0 is perfect. "
        "RRMSE = sqrt(sum (y - prediction)^2 / sum (y - training mean)^2)",
    ),
    Term(
        "log-loss",
        "Mean surprise at the true class: minus the logarithm of the probability it was given; 0 is perfect.",
    ),
    Term(
        "relative Poisson deviance",
        "Error of predicted rates relative to always predicting the mean of the training rows; 1 is no better than "
        "that, 0 is perfect. Deviance = sum of 2 (y log(y / rate) - y + rate)",
        "McCullagh, Nelder, Generalized Linear Models, 1989",
    ),
    Term(
        "ranked probability score",
        "How far predicted probabilities lie from the true step of a scale: the mean over the gaps between steps of "
        "(probability of a step above the gap - whether it was above)^2; 0 is perfect.",
        "Epstein, Journal of Applied Meteorology 1969",
    ),
    Term(
        "delta-m",
        "The mean gain over the tasks. Metrics are averaged inside a task first, then over the tasks.",
        "Maninis, Radosavovic, Kokkinos, CVPR 2019; sign as in Vandenhende et al., TPAMI 2021",
    ),
    Term(
        "negative transfer",
        "A task is predicted worse with the other tasks than without them, by the same algorithm.",
        "Wang, Dai, Póczos, Carbonell, CVPR 2019",
    ),
    Term(
        "gradient conflict",
        "Two tasks pull the shared parameters in opposing directions: the cosine of their gradients is below 0. "
        "Late in training this is normal and no harm by itself.",
        "Yu et al., NeurIPS 2020",
    ),
    Term(
        "magnitude similarity",
        "Whether two tasks pull equally hard: 2 |a| |b| / (|a|^2 + |b|^2); 1 is equal, near 0 one drowns the other.",
        "Yu et al., NeurIPS 2020",
    ),
    Term(
        "task affinity",
        "How much a step on task i lowers the loss of task j on the same batch, moving shared parameters only. "
        "Z[i->j] = 1 - loss of j after the step / loss of j before it",
        "Fifty et al., NeurIPS 2021",
    ),
    Term(
        "mean rank",
        "The place of a method on each task (1 = best), averaged over the tasks. It depends on which methods compete.",
    ),
    Term(
        "fold",
        "The rows are cut into equal parts; each part is the test set once, while the others train. "
        "A verdict takes the folds as its sample.",
    ),
    Term(
        "initialisation",
        "The random numbers a network starts from. Several starts inside each fold are averaged, "
        "because one start against another can differ more than sharing does.",
    ),
    Term(
        "validation rows",
        "Held-out rows on which the best moment of training is picked, so that the test rows choose nothing.",
    ),
    Term("test rows", "Rows that never choose anything; errors and verdicts are read on them."),
    Term(
        "interval",
        "The range in which the true gain lies with 95 % confidence. It is widened because folds share training rows.",
        "Nadeau, Bengio, Machine Learning 2003",
    ),
    Term(
        "Holm's correction",
        "With several tasks a small p-value turns up by luck; this makes each task's hurdle higher.",
        "Holm, Scandinavian Journal of Statistics 1979",
    ),
    Term(
        "verdict",
        "Helps, hurts, or no clear difference. The last is the answer unless the folds clearly say otherwise.",
    ),
    Term("provisional", "The run has not ended, or rests on fewer folds and starts than a verdict takes."),
    Term("equal width", "The networks alone have layers as wide as the shared one."),
    Term(
        "equal parameters",
        "The networks alone together have as many parameters as the shared one, so that size cannot explain a gain.",
    ),
    Term(
        "cost",
        "Parameters, number of trained networks, training seconds and seconds per prediction; beside every gain.",
    ),
    Term(
        "leak",
        "A column that gives a target away (a copy, a sum), or rows of one subject on both sides of a split.",
    ),
    Term(
        "missing label",
        "A row without a task's answer. It is left out for that task only and still trains the others.",
    ),
    Term("weighting", "Who decides how much each task's loss counts in a step: you, or a rule."),
    Term("trunk", "The hidden layers between the inputs and the heads."),
    Term("head", "The last layer of one task: it turns shared features into that task's prediction."),
)
