"""Several runs side by side, and addresses of none."""

from __future__ import annotations

from effq_core.base.settings import Home
from effq_core.results import REFERENCE, Results
from tests.app.conftest import OpenView
from tests.app.results_page import charts, said
from tests.results.run_variations import changed, store_run


def test_runs_side_by_side_say_what_differs_and_what_does_not_compare(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    other = changed(reference, lambda plain: plain["hardware"].update(cpu="Cortex-A72"))
    run = store_run(other, home, "on the board")
    app = open_view(home.root, "results", [REFERENCE, run])

    text = said(app)
    assert "Latencies of these runs cannot be compared: they differ in machine." in text
    assert "Accuracies of these runs cannot be compared" not in text
    differences = app.dataframe[0].value
    assert list(differences["what"]) == ["Machine"]
    assert "Cortex-A72" in differences["B"][0]
    across = app.dataframe[1].value
    assert len(across) == 7 and set(across["p"]) == {1.0}
    assert "Calibration photos: the same in all these runs" in text


def test_runs_of_other_calibration_sizes_are_joined_by_a_line(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    runs = [
        store_run(
            changed(
                reference, lambda plain, n=n: plain["experiment"]["calibration"].update(size=n)
            ),
            home,
            f"{n} photos",
        )
        for n in (20, 100)
    ]
    app = open_view(home.root, "results", [*runs, REFERENCE])
    assert charts(app) == 2, "side by side, and the sweep"
    app.toggle(key="several_difference").set_value(True).run()
    assert charts(app) == 2
    said(app)

    app.segmented_control(key="several_along").set_value("qat_epochs").run()
    assert charts(app) == 2, "epoch 0 is the untrained control"


def test_a_run_of_the_address_that_is_not_there_is_said(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", "20990101-000000-dead")

    assert "1 run in this address cannot be shown" in said(app)
    assert "int8 is 3.30×" in said(app), "the reference run instead"


def test_a_selection_that_is_emptied_falls_back_on_a_run(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    app.multiselect(key="choose_runs").set_value([]).run()

    assert app.multiselect(key="choose_runs").value == [REFERENCE]
    assert app.toast[0].value.startswith("No run is chosen, so this shows Reference run")
    assert charts(app) == 3
