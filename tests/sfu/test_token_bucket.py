import pytest

from sfu.token_bucket import TokenBucket


def test_a_bucket_gives_a_burst_then_a_rate() -> None:
    bucket = TokenBucket(2, 4, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 0]
    assert bucket.take(100.0) == pytest.approx(0.5)
    assert bucket.take(100.5) == 0
    assert bucket.take(100.5) > 0
    assert [bucket.take(1000.0) for _ in range(5)][:4] == [0, 0, 0, 0]
