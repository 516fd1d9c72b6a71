"""What can be done with the chosen runs: open, rename, annotate, run again, export, stop, compare, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from mtl_core.evaluation.report import data_apart, sharing_titles
from mtl_core.store.records import Record, RunRecord
from pages.ui import session, text
from pages.ui.run_table import progress
from pages.ui.shelf import run_title
from pages.ui.verdict_view import in_a_sentence

AGAIN_TIP = "The same experiment once more; it gives the same numbers"


def one(record: Record) -> None:
    """A single run: its answer, its words, its exports."""
    st.markdown(f"**{text.plain(text.cut(run_title(record), 60))}**")
    st.caption(text.plain(f"{record.data_title} · {subject(record)} · {progress(record)}"))
    if record.status == "failed":
        kept = f"What was measured up to step {record.step:,} is kept." if record.step else "Nothing was measured."
        st.error(text.plain(f"{record.message.rstrip('.')}. {kept} Run it again, or open it and change a setting."))
    if record.step:
        answer(record)
    with st.container(horizontal=True, gap="small"):
        if st.button("Open", type="primary", key=own_key("open", [record]), icon=":material/open_in_full:"):
            session.open_record(record)
        if st.button(
            "Run again", key=own_key("again", [record]), icon=":material/replay:", help="The same experiment once more"
        ):
            again(record)
        stop([record])
    words(record)
    exports(record)
    delete([record])


def subject(record: Record) -> str:
    """The tasks that are learned, or who learns new ones."""
    if isinstance(record, RunRecord):
        return text.listing(list(record.experiment.tasks))
    return text.listing([unit.called for unit in record.units])


def own_key(word: str, records: Sequence[Record]) -> str:
    """A button belongs to its runs: when another run takes their place on the page, a late click must not hit it."""
    digest = hashlib.sha256(" ".join(record.id for record in records).encode()).hexdigest()[:12]
    return f"run.{word}.{digest}"


def answer(record: Record) -> None:
    """The verdict in a sentence, for each sharing type, against its first baseline; none before it can be told."""
    if not isinstance(record, RunRecord):
        answer_of_learners(record)
        return
    comparison = session.lab().comparison(record.id)
    if comparison.too_early:
        st.markdown(text.plain(comparison.notes[0]))
        return
    titles = sharing_titles(record.experiment)
    for sharing, title in titles.items():
        runner = f"**{text.plain(title)}**: " if len(titles) > 1 else ""
        for baseline in record.experiment.baselines()[:1]:
            st.markdown(f"{runner}{text.plain(in_a_sentence(comparison, sharing, baseline))}")


def answer_of_learners(record: Record) -> None:
    """Who took up new tasks best, with the middle one of the numbers of labels."""
    from mtl_core.meta.shown import shown_of
    from pages.ui.meta_result import headline

    shown = shown_of(session.lab().adapting(record.id), record.name, "")
    if shown.shots:
        st.markdown(headline(shown, shown.shots[len(shown.shots) // 2]))


def again(record: Record) -> None:
    """Hand the same experiment in once more, with the knobs that were turned; it gives the same numbers."""
    session.lab().submit(record.experiment, name=f"{run_title(record)}, again", note=record.note)
    st.rerun()


def words(record: Record) -> None:
    """Name and note, kept as soon as the field is left."""
    name, note = f"run.name.{record.id}", f"run.note.{record.id}"
    st.text_input("Name", record.name, key=name, max_chars=200, on_change=rename, args=(record.id, name))
    st.text_area("Note", record.note, key=note, max_chars=5000, height=80, on_change=annotate, args=(record.id, note))


def rename(run_id: str, key: str) -> None:
    with session.guard("The name"):
        session.lab().rename(run_id, st.session_state[key])


def annotate(run_id: str, key: str) -> None:
    with session.guard("The note"):
        session.lab().annotate(run_id, st.session_state[key])


def exports(record: Record) -> None:
    """Files are made when they are asked for."""
    lab = session.lab()
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Numbers (CSV)",
            lambda: lab.export_csv(record.id),
            f"mtl-lab-{record.id}.csv",
            "text/csv",
            key=own_key("csv", [record]),
            on_click="ignore",
            help="Every number of every curve, one a row",
            disabled=not record.step,
        )
        st.download_button(
            "Experiment (JSON)",
            lambda: lab.export_json(record.id),
            f"mtl-lab-{record.id}.json",
            "application/json",
            key=own_key("json", [record]),
            on_click="ignore",
            help="All settings and the verdict; it can be imported here and run on the command line",
        )


def many(records: Sequence[Record]) -> None:
    """Several runs at once."""
    st.markdown(f"**{text.plural(len(records), 'run')} chosen**")
    for record in records[:12]:
        st.caption(text.plain(text.cut(run_title(record), 60)))
    with st.container(horizontal=True, gap="small"):
        apart = why_apart(records)
        if st.button("Compare", type="primary", key=own_key("compare", records), disabled=bool(apart)):
            compare(records)
        stop(records)
    if apart:
        st.caption(text.plain(apart))
    delete(records)


def why_apart(records: Sequence[Record]) -> str:
    """Why these cannot stand side by side on Compare; empty where they can."""
    trained = [record for record in records if isinstance(record, RunRecord)]
    if len(trained) < len(records):
        return "A run on new tasks compares its learners by itself; open it to see them. Compare takes the other runs."
    other = next((each for each in trained if each.data_fingerprint != trained[0].data_fingerprint), None)
    if other is None:
        return ""
    differ = data_apart(trained[0].experiment, other.experiment)
    return f"Only runs on the same data can be compared; these differ in {text.cut(differ, 120)}."


def compare(records: Sequence[Record]) -> None:
    """Go to Compare with these runs side by side."""
    data = records[0].data_fingerprint
    chosen = [record.id for record in records]
    st.session_state["compare.data"], st.session_state[f"compare.runs.{data}"] = data, chosen
    st.switch_page("pages/compare.py", query_params={"runs": ",".join(chosen)})


def stop(records: Sequence[Record]) -> None:
    """End runs that have not ended; what they have said is kept."""
    active = [record for record in records if not record.has_ended]
    if active and st.button("Stop", key=own_key("stop", records), icon=":material/stop:"):
        for record in active:
            session.lab().command(record.id, "stop")
        st.rerun()


def delete(records: Sequence[Record]) -> None:
    """A second click confirms."""
    number = "run" if len(records) == 1 else f"{len(records)} runs"
    with st.popover(f"Delete {number}", icon=":material/delete:", key=own_key("delete", records)):
        st.markdown(f"This forgets the {number} with all numbers. It cannot be undone.")
        if st.button("Delete for good", key=own_key("sure", records), type="primary"):
            for record in records:
                session.lab().delete(record.id)
                if session.attached() == record.id:
                    session.detach()
            st.rerun()
