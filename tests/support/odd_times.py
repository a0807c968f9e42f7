"""Moments spelled in every way of ISO 8601."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
zones = st.sampled_from(["", "Z", "z", "+00", "+05:30", "-0330", "+14:00"])
moments = st.datetimes(datetime(1969, 12, 1), datetime(9999, 12, 31))


def spelled(moment, zone, digits, between):
    """An ISO 8601 text with so many digits of a second, and its milliseconds."""
    fraction = f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    text = moment.strftime(f"%Y-%m-%d{between}%H:%M:%S").zfill(19) + fraction + zone
    hours = zone.replace("z", "").replace("Z", "").replace(":", "")
    sign = -1 if hours.startswith("-") else 1
    shift = timedelta(hours=int(hours[1:3] or 0), minutes=int(hours[3:] or 0)) * sign
    kept = moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits) if digits else 0
    exact = moment.replace(microsecond=kept, tzinfo=timezone(shift))
    return text, (exact - EPOCH) // timedelta(milliseconds=1)
