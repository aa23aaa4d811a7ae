import * as Console from "effect/Console"

const formula = /^(["'\s]*[=+\-@＝＋－＠]|[\t\r\n])/
const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i

/**
 * A cell that spreadsheets take for text: what would start a formula, also after blanks and quotes, gets an apostrophe
 * (owasp.org, "CSV Injection"). Numbers stay as they are.
 */
const cell = (text: string): string => {
  const safe = formula.test(text) && !number.test(text) ? `'${text}` : text
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Records as CSV (RFC 4180) with a header line; lines end with CR LF, but for the last. */
export const renderCsv = (names: ReadonlyArray<string>, records: ReadonlyArray<ReadonlyArray<string>>): string =>
  [names, ...records].map((record) => record.map(cell).join(",")).join("\r\n")

/** Prints {@link renderCsv}; the last line ends with CR LF too. */
export const printCsv = (names: ReadonlyArray<string>, records: ReadonlyArray<ReadonlyArray<string>>) =>
  Console.log(`${renderCsv(names, records)}\r`)
