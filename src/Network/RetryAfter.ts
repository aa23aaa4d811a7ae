const days = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
const time = String.raw`\d{2}:\d{2}:\d{2}`

/** The three forms of an HTTP-date: of today, of RFC 850, of asctime. */
const imfFixdate = new RegExp(`^(?:${days}), \\d{2} (?:${months}) \\d{4} ${time} GMT$`)
const rfc850 = new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \\d{2}-(?:${months})-\\d{2} ${time} GMT$`)
const asctime = new RegExp(`^(?:${days}) (?:${months}) [ \\d]\\d ${time} \\d{4}$`)

const parseDate = (text: string): number => {
  if (imfFixdate.test(text) || rfc850.test(text)) return Date.parse(text)
  return asctime.test(text) ? Date.parse(`${text} GMT`) : Number.NaN
}

/** The longest wait that an answer can ask for, in ms: 30 days. What asks for more is taken for that. */
export const maxRetryAfter = 30 * 86_400_000

/**
 * How long a `Retry-After` header asks to wait, in ms from `now` (UTC ms): seconds or a date (RFC 9110, 10.2.3). At most
 * {@link maxRetryAfter}.
 */
export const retryAfterMillis = (value: string | undefined, now: number): number | undefined => {
  const text = value?.trim() ?? ""
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, maxRetryAfter)
  const at = parseDate(text)
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now), maxRetryAfter)
}
