/** A cell that spreadsheets take for text: what would start a formula gets an apostrophe (owasp.org, "CSV Injection"). */
const cell = (text: string): string => {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Records as CSV (RFC 4180) with a header line; lines end with CR LF. */
export const renderCsv = (names: ReadonlyArray<string>, records: ReadonlyArray<ReadonlyArray<string>>): string =>
  [names, ...records].map((record) => record.map(cell).join(",")).join("\r\n")
