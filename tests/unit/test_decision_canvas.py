"""Canvases: what is read, where problems stand, who is one actor, what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decision_canvas_fixture import CANVAS, STUDY, study_text
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city.yaml import read_yaml
from twin.cli import main
from twin.decision.actors import actor_roles, one_name
from twin.decision.canvas import BLOCKS, Canvas, UnitValue
from twin.decision.canvas_file import canvas_of, check_canvas, load_canvas
from twin.decision.claims import evidence_sentence, judge
from twin.decision.completeness import completeness
from twin.decision.tasks import months_to_benefit, schedule
from twin.errors import StudyError, TwinError
from twin.scenario.schema import Study

BRISTOL = Path(__file__).parents[2] / "../shared/data/canvas_bristol.yaml"
WORDS = st.text("abc, ()", min_size=1, max_size=12).filter(str.strip)


def load(text: str, folder: Path, name: str = "canvas.yaml") -> Canvas:
    (folder / name).write_text(text, encoding="utf-8")
    return load_canvas(folder / name)


def problems(text: str, folder: Path) -> list[tuple[str, str]]:
    """Return line:column and message of every problem."""
    with pytest.raises(StudyError) as caught:
        load(text, folder)
    found = caught.value.problems or (caught.value,)
    return [(str(p.where).split("canvas.yaml:")[-1], p.what) for p in found]


def test_the_fourteen_blocks_are_fields_in_order() -> None:
    assert [block.number for block in BLOCKS] == list(range(1, 15))
    assert list(Canvas.model_fields)[:14] == [block.key for block in BLOCKS]
    assert [b.line for b in BLOCKS[8:]] == ["economic"] * 2 + ["environmental"] * 2 + ["social"] * 2


def test_alone_and_in_a_study_read_the_same(tmp_path: Path) -> None:
    alone = load(CANVAS, tmp_path)
    assert load(study_text(), tmp_path, "study.yaml") == alone
    assert [task.id for task in alone.key_activities] == ["plan", "hear", "build", "tell"]
    assert alone.payers(alone.budget_costs[0]) == {"city": 1.0}
    assert alone.payers(alone.budget_costs[1]) == {"city": 0.5, "utility": 0.5}
    assert alone.amount(alone.revenue_streams[0]) == alone.unit_values["electricity"]
    data = {"study": "demo", "scenarios": {"solar-roofs": []}, "measures": {"car-free": [], "large-roofs": []}}
    plain = json.loads(alone.model_dump_json())
    assert canvas_of({**data, "canvas": plain}) == alone


@given(st.lists(WORDS, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_short_forms_hold_the_same_texts(texts: list[str]) -> None:
    listed = Canvas.model_validate({"buy_in": [{"text": text} for text in texts]})
    named = Canvas.model_validate({"buy_in": {f"n{i}": text for i, text in enumerate(texts)}})
    assert [entry.text for entry in named.buy_in] == texts
    # Joining what YAML split loses no word and keeps the order.
    assert ", ".join(entry.text for entry in listed.buy_in) == ", ".join(texts)
    assert Canvas.model_validate({"buy_in": texts}) == listed


def test_texts_split_in_brackets_are_joined_again(tmp_path: Path) -> None:
    canvas = load("beneficiaries: [Council (goals, services), Citizens, Shops (all]\n", tmp_path)
    assert [entry.text for entry in canvas.beneficiaries] == ["Council (goals, services)", "Citizens", "Shops (all"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("missoin: x", "1:1", "unknown key 'missoin'"),
        ("mission: 3", "1:10", "mission is 3"),
        ("value_proposition:\n  - text: a\n    kpi: delay", "3:5", "unknown key 'kpi'"),
        ("value_proposition:\n  - kpis: [pv_kwh_a]", "2:5", "the key 'text' is missing in value_proposition[0]"),
        ("value_proposition:\n  a: x\n  b: {text: y, kpis: [pv]}", "3:23", "unknown KPI 'pv'"),
        ("value_proposition: [{text: x, direction: lower}]", "1:21", "the claim has direction and no kpis"),
        ("value_proposition: [{text: x, evidence: simulated}]", "1:21", "evidence is simulated, but no KPI is named"),
        ("value_proposition: [{text: x, evidence: measured}]", "1:21", "evidence is measured and has no source"),
        ("value_proposition: [{text: x, evidence: hope}]", "1:41", "value_proposition[0].evidence is 'hope'"),
        ("value_proposition: [{text: more tourism, evidence: measured, source: s}]", "1:52",
         "a claim about 'tourism' cannot be measured"),
        ("value_proposition: [{text: x, kpis: [investment_eur]}]", "1:38",
         "for 'investment_eur' neither direction is better in general"),
        ("mission: {text: x, kpi: investment_eur}", "1:25",
         "for 'investment_eur' neither direction is better in general"),
        ("value_proposition: [{text: x, kpis: [pv_kwh_a, import_kwh_a], at_most: 3}]", "1:37", "a limit fits one KPI"),
        ("value_proposition: [{text: x, kpis: [pv_kwh_a], at_most: 3, direction: higher}]", "1:72",
         "the direction is higher, but the limit asks for lower"),
        ("mission: {text: x, kpi: pv_kwh_a, at_most: 1, at_least: 2}", "1:10", "there are two limits"),
        ("mission: {text: x, kpi: pv_kwh}", "1:25", "unknown KPI 'pv_kwh'"),
        ("buy_in: [{text: x, actor: mayor}]", "1:27", "unknown actor 'mayor'"),
        ("actors: {a: {label: Mayor}, b: {label: x, aliases: [mayor]}}", "1:32",
         "the actors 'a' and 'b' have the same name"),
        ("actors: {a: {label: x, aliases: [b]}, b: {label: y}}", "1:13",
         "the actors 'b' and 'a' have the same name"),
        ("actors: {outside: {label: x}}", "1:19",
         "no actor can be called 'outside': it is everybody who is no actor"),
        ("actors: {The Mayor: {label: Mayor}}", "1:10", "'The Mayor' is not a name"),
        ("actors: {a: {label: A}}\ncost_shares: {a: 0.9}", "2:14", "the shares add up to 0.9"),
        ("budget_costs:\n  - text: x\n    amount: {value: 1, unit: m, source: s, year: 2020, low: 2, high: 3}", "3:13",
         "the value 1 is not between low 2 and high 3"),
        ("budget_costs:\n  - text: x\n    amount: {value: 1, unit: EUR, year: 2020, low: 1, high: 1}", "3:13",
         "the key 'source' is missing in budget_costs[0].amount"),
        ("budget_costs: [{text: x, unit_value: steel}]", "1:38", "unknown unit value 'steel'"),
        ("key_activities:\n  a: {text: a, after: [b]}\n  b: {text: b, after: [a]}", "2:6",
         "these tasks wait for each other in a circle: a, b"),
        ("key_activities:\n  a: {text: a, after: [c]}", "2:24", "unknown task 'c'"),
        ("key_activities: [{id: a, text: a}, {id: a, text: b}]", "1:41", "the id 'a' stands twice in key_activities"),
        ("targets: [{kpi: pv_kwh_a}]", "1:11", "a target needs one limit"),
        ("study: x\nquestion: y", "1:1", "the study has no canvas"),
        ("canvas: 3", "1:9", "the section `canvas` is not a mapping"),
        ("mission: !x y", "1:10", "the tag !x is not supported"),
    ],
)  # fmt: skip
def test_problems_are_named_where_they_stand(text: str, where: str, what: str, tmp_path: Path) -> None:
    assert problems(text, tmp_path) == [(where, what)]


def test_all_problems_come_at_once_in_order_of_lines(tmp_path: Path) -> None:
    text = "mission: 3\nbuy_in: [{text: x, actor: nobody}]\nsocial_risk: y\ncost_shares: {}\n"
    assert [where for where, _ in problems(text, tmp_path)] == ["1:10", "2:27", "3:1"]
    # What a broken section would have named is not held against the others.
    text = "actors: {a: 3}\nbuy_in: [{text: x, actor: a}]\n"
    assert [where for where, _ in problems(text, tmp_path)] == ["1:13"]


def test_names_of_the_study_around_it(tmp_path: Path) -> None:
    text = study_text().replace("scenario: solar-roofs", "scenario: solar-roof", 1).replace("[car-free]}", "[carfree]}")
    with pytest.raises(StudyError) as caught:
        load(text, tmp_path, "study.yaml")
    assert [p.what for p in caught.value.problems] == ["unknown scenario 'solar-roof'", "unknown measure 'carfree'"]
    lines = text.splitlines()
    for problem, word in zip(caught.value.problems, ("solar-roof", "carfree"), strict=True):
        line, column = (int(n) for n in str(problem.where).rsplit(":", 2)[1:])
        assert lines[line - 1][column - 1 :].startswith(word)
    assert "did you mean 'solar-roofs'?" in str(caught.value)


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["text", "kpis", "id", "actor", "after", "amount", "label", "x"]), inner, max_size=4),
    max_leaves=8,
), st.sampled_from(list(Canvas.model_fields)))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_plain_data_is_a_canvas_or_a_named_error(data: object, key: str) -> None:
    try:
        canvas = canvas_of({"canvas": {key: data}})
    except TwinError as error:
        assert error.problems
        assert all(p.where and "canvas" in p.where for p in error.problems)
    else:
        assert len(completeness(canvas)) == 14
        actor_roles(canvas)
        schedule(canvas)


def test_an_actor_with_several_roles_is_one_actor(tmp_path: Path) -> None:
    canvas = load(CANVAS, tmp_path)
    actors = {actor.id or actor.label: actor for actor in actor_roles(canvas)}
    assert list(actors) == ["city", "residents", "shops", "utility", "Visitors"]
    assert actors["city"].roles == ["payer", "doer", "partner"]  # the partner by its label
    assert actors["utility"].roles == ["partner", "supplier", "payer"]
    assert (actors["shops"].veto, actors["city"].weight) == (True, 2.0)
    assert one_name(canvas)["City of Helsinki"] == one_name(canvas)["city"] == "city"


@pytest.mark.parametrize(
    ("partners", "served", "count"),
    [
        ("University of Bristol", "Universities (research)", 1),
        ("Bristol Operations Centre", "Operations Centre", 1),
        ("the Operations Centre", "operations centres", 1),
        ("Operations Centre customers", "Operations Centre", 2),
        ("Transport operators", "Operators", 2),
        ("University of Bristol", "Citizens", 2),
        ("Friends of the City Council", "City Council", 2),
    ],
)
def test_which_names_mean_one_actor(partners: str, served: str, count: int) -> None:
    canvas = Canvas.model_validate({"key_partnerships": [partners], "beneficiaries": [served]})
    found = actor_roles(canvas)
    assert len(found) == count
    assert sorted(role for actor in found for role in actor.roles) == ["beneficiary", "partner"]


def test_a_kind_with_two_members_is_neither() -> None:
    two = {"key_partnerships": ["University of Bath", "University of Bristol"], "beneficiaries": ["Universities"]}
    assert len(actor_roles(Canvas.model_validate(two))) == 3


@given(st.permutations(range(4)), st.lists(st.floats(0, 100), min_size=4, max_size=4))
@settings(max_examples=50, deadline=None)
def test_tasks_start_when_those_before_have_ended(order: list[int], months: list[float]) -> None:
    tasks = [{"id": f"t{i}", "text": "x", "months": months[i], "after": [f"t{k}" for k in range(i)]} for i in range(4)]
    canvas = Canvas.model_validate({"key_activities": [tasks[i] for i in order]})
    plan = schedule(canvas).set_index("id")
    for i in range(4):
        assert plan.loc[f"t{i}", "start"] == pytest.approx(sum(months[:i]))
    assert months_to_benefit(canvas) == pytest.approx(sum(months))


def test_tasks_run_side_by_side(tmp_path: Path) -> None:
    plan = schedule(load(CANVAS, tmp_path)).set_index("id")
    assert plan["start"].to_dict() == {"plan": 0.0, "hear": 12.0, "build": 15.0, "tell": 0.0}
    assert months_to_benefit(load(CANVAS, tmp_path)) == 24.0
    assert months_to_benefit(Canvas.model_validate({"key_activities": ["a"]})) is None


def test_what_is_missing_and_what_is_wrong(tmp_path: Path) -> None:
    states = {state.block.key: state for state in completeness(load(CANVAS, tmp_path))}
    assert all(state.origin == "stated" for state in states.values())
    assert states["mission"].flags == ("the wedges to the target total_co2_t_a leave 1500 of 3000 open",)
    assert states["value_proposition"].missing == ("2 of 6 entries are not bound to a KPI",)
    assert states["buy_in"].flags == (
        "City of Helsinki holds a veto and pays, and has no stated gain and no compensation",
        "Shops of the street holds a veto, and has no stated gain and no compensation",
    )
    for block in ("key_partnerships", "key_infrastructure_resources"):
        assert states[block].flags == ("needed, and nobody supplies it: a depot for deliveries",)
    assert states["budget_costs"].missing == states["key_activities"].missing == ()
    empty = completeness(Canvas())
    assert {state.origin for state in empty} == {"empty"}
    assert {state.missing for state in empty} == {("nothing is stated",)}


def test_values_need_a_source_a_year_and_a_range() -> None:
    whole = {"value": 1.0, "unit": "EUR", "source": "s", "year": 2020, "low": 0.0, "high": 2.0}
    assert UnitValue.model_validate(whole).value == 1.0
    for key in whole:
        with pytest.raises(ValueError, match="missing"):
            UnitValue.model_validate({k: v for k, v in whole.items() if k != key})


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "canvas.yaml"
    path.write_text(study_text(), encoding="utf-8")
    assert main(["canvas", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["blocks"]) == 14
    assert data["evidence"]["without_evidence"] == 7
    assert main(["canvas", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("7 of 8 claims have no evidence (88 %).")
    assert "holds a veto" in out
    path.write_text(STUDY, encoding="utf-8")
    assert main(["canvas", str(path)]) == 3
    assert "the study has no canvas" in capsys.readouterr().err


@pytest.mark.skipif(not BRISTOL.is_file(), reason="shared/data/canvas_bristol.yaml is not here")
def test_the_real_canvas_of_bristol() -> None:
    canvas = load_canvas(BRISTOL)
    assert [len(canvas.entries(block.key)) for block in BLOCKS] == [1, 6, 7, 3, 3, 13, 7, 7, 3, 2, 2, 2, 3, 4]
    assert {state.origin for state in completeness(canvas)} == {"stated"}
    assert evidence_sentence(judge(canvas)) == "6 of 6 claims have no evidence (100 %)."
    assert canvas.beneficiaries[0].text == "City Council (strategic objectives, service transformation)"
    universities = [actor for actor in actor_roles(canvas) if "niversit" in actor.label]
    assert [(actor.label, actor.roles) for actor in universities] == [
        ("University of Bristol", ["partner", "beneficiary"])
    ]
    assert one_name(canvas)["Universities"] == "University of Bristol"


def test_the_canvas_of_a_study_that_was_read(tmp_path: Path) -> None:
    class WithCanvas(Study):
        canvas: dict[str, Any] | None = None

    text = "study: x\nquestion: q\ncity: c\nscenarios: {s: []}\n"
    text += "canvas:\n  value_proposition:\n    - {text: a, scenario: t}\n"
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    data, positions = read_yaml(path)
    study = WithCanvas.model_validate(data)
    study._path, study._positions = path, positions
    with pytest.raises(StudyError, match=r"study.yaml:7:27: unknown scenario 't'"):
        check_canvas(study)
    check_canvas(study.model_copy(update={"canvas": None}))


def test_a_numbered_list_is_a_list(tmp_path: Path) -> None:
    canvas = load("value_proposition:\n  1: faster\n  2: {text: cleaner, kpis: [nox_exposure]}\n", tmp_path)
    assert [(claim.id, claim.text) for claim in canvas.value_proposition] == [("1", "faster"), ("2", "cleaner")]
    assert problems("value_proposition: {1: a, '1': b}", tmp_path) == [("1:27", "the key '1' stands twice")]
