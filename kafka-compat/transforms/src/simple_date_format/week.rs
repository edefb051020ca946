//! Days and weeks: they begin on Sunday, and the first week is that of the first day (en_US).

use gantry_model::calendar::{CUTOVER_DAY, CUTOVER_YEAR, Fields, System};

/// The last day up to `day` that is that weekday; Sunday is 1, and any number is counted on.
pub(super) fn on_or_before(day: i64, weekday: i32) -> i64 {
    // Day 0 was a Thursday.
    let back = (day + 4 - i64::from(weekday.wrapping_sub(1))).rem_euclid(7);
    day - back
}

/// Parts of a date that the calendar's own fields do not show.
pub(super) struct Week {
    /// Sunday is 1.
    pub(super) weekday: i64,
    pub(super) day_of_year: i64,
    pub(super) week_year: i64,
    pub(super) week_of_year: i64,
    pub(super) week_of_month: i64,
    pub(super) weekday_in_month: i64,
}

impl Week {
    /// Of a day since the epoch, whose date is `at`.
    pub(super) fn of(day: i64, at: &Fields) -> Self {
        // In the year in which the calendars change, days count from its Julian beginning.
        let system = if at.year == CUTOVER_YEAR { System::Julian } else { System::of_day(day) };
        let new_year = system.day(at.year, 1, 1);
        let first = if (at.year, at.month) == (CUTOVER_YEAR, 10) && day >= CUTOVER_DAY {
            System::Julian.day(at.year, at.month, 1)
        } else {
            day - at.day + 1
        };
        let number = |first: i64| (day - on_or_before(first, 1)) / 7 + 1;
        let saturday = day + 6 - (day + 4).rem_euclid(7);
        // The last days of a year are in the first week of the next one.
        let next_year = at.month == 12 && saturday > day - at.day + 31;
        Self {
            weekday: (day + 4).rem_euclid(7) + 1,
            day_of_year: day - new_year + 1,
            week_year: if starts_next_year(day, at, next_year) { at.year + 1 } else { at.year },
            week_of_year: if next_year { 1 } else { number(new_year) },
            week_of_month: number(first),
            weekday_in_month: (day - first) / 7 + 1,
        }
    }
}

/// Whether a day counts for the week year that follows its year. Before Christ Java looks in the
/// wrong direction for the next year, which ends in the year of that number after Christ.
fn starts_next_year(day: i64, at: &Fields, next_year: bool) -> bool {
    if at.year > 0 {
        return next_year;
    }
    let days_left = System::Julian.day(at.year + 1, 1, 1) - day;
    let other = System::of_day(System::Julian.day(-at.year, 1, 1)).day(-at.year, 1, 1);
    days_left <= (other + 4).rem_euclid(7)
}
