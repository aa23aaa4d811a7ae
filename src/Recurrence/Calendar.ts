/** Milliseconds of a day. */
export const DAY = 86_400_000

/** The largest instant that a Date can hold, in UTC milliseconds (ECMA-262, 21.4.1.1). */
export const MAX_INSTANT = 8.64e15

/** No calendar rule rests longer: 29 February on a given weekday returns after 40 years at most. */
export const LONGEST_REST_YEARS = 50

/** Whether a year of the proleptic Gregorian calendar has a 29 February. */
export const isLeapYear = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/** Day number (0 is 1970-01-01) of the first day of a month counted as `year * 12 + month0`, proleptic Gregorian. */
export const startOfMonth = (index: number): number => {
  const year = Math.floor(index / 12)
  const month = index - year * 12
  const shifted = month < 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month < 2 ? month + 10 : month - 2) + 2) / 5)
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** The month, as `year * 12 + month0`, that a day number lies in (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
export const monthOfDay = (day: number): number => {
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  return (era * 400 + yearOfEra) * 12 + monthFromMarch + 2
}

/** 0 for Sunday to 6 for Saturday. */
export const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7
