"""What a layer is planned to cost."""

from sfu.bandwidth.planned_rate import SCREEN, Busy, PlannedRate, assumed_heights, expected


def test_a_planned_rate_goes_up_soon_and_down_slowly() -> None:
    rate = PlannedRate(450_000)
    assert rate.observe(300_000)  # the first one counts: until now it was an assumption
    assert rate.bps == 300_000
    assert not rate.observe(305_000)
    assert not rate.observe(600_000), "it may be a keyframe"
    assert rate.observe(600_000)
    assert 380_000 < rate.bps < 400_000
    quiet = [rate.observe(100_000) for _ in range(12)]
    assert not any(quiet[1:5])
    assert any(quiet)


def test_a_layer_that_stops_keeps_its_rate() -> None:
    rate = PlannedRate(450_000)
    rate.observe(500_000)
    assert not any(rate.observe(0) for _ in range(60))
    assert rate.bps == 500_000


def test_a_rate_that_wavers_does_not_change_plans() -> None:
    rate = PlannedRate(1_000_000)
    rate.observe(1_000_000)
    assert not any(rate.observe(bps) for bps in [950_000, 1_050_000] * 30)


def test_the_first_keyframe_is_not_taken_for_the_rate() -> None:
    rate = PlannedRate(1_250_000)
    rate.observe(2_600_000)
    assert rate.bps < 1_800_000
    for _ in range(10):
        rate.observe(2_600_000)
    assert rate.bps > 2_300_000, "what lasts is believed"


def test_a_camera_is_assumed() -> None:
    assert assumed_heights(3) == (180, 360, 720)
    assert assumed_heights(1) == (720,)
    assert assumed_heights(5) == (180, 180, 180, 360, 720)


def test_higher_pictures_are_expected_to_cost_more_within_reason() -> None:
    rates = [expected(height) for height in (0, 180, 360, 720, 1080, 100_000)]
    assert rates == sorted(rates)
    assert rates[3] == 1_250_000
    assert rates[-1] == 4_000_000


def test_what_refines_a_screen_after_its_keyframe_is_not_planned_for() -> None:
    rate = PlannedRate(1_250_000, SCREEN)
    for _ in range(20):
        rate.observe(80_000)
    assert rate.bps < 120_000
    assert not any(rate.observe(bps) for bps in [1_500_000] * 4 + [80_000] * 9)
    for _ in range(12):
        rate.observe(1_500_000)
    assert rate.bps > 1_200_000, "what lasts is believed"
    for _ in range(9):
        rate.observe(80_000)
    assert rate.bps < 300_000, "nor does it last when it is over"


def test_what_a_layer_takes_when_it_is_not_quiet_fades() -> None:
    busy = Busy(1_250_000)
    changes = [busy.observe(80_000) for _ in range(90)]
    assert busy.bps < 120_000
    assert sum(changes) < 12, "each is another plan"
    busy.observe(700_000)
    assert busy.bps < 120_000, "a keyframe is nothing to plan for"
    assert busy.observe(700_000)
    assert busy.bps == 700_000
