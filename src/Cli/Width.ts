const zeroWidth = /^[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}]+$/u

// Hangul syllables and letters, CJK, kana, full-width forms: Unicode's East_Asian_Width W and F.
const wide =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u

const emoji = /^(\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Regional_Indicator}{2})/u

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" })

const ascii = /^[\x20-\x7e]*$/

const widthOfOne = (cluster: string): number =>
  zeroWidth.test(cluster) ? 0 : wide.test(cluster) || emoji.test(cluster) ? 2 : 1

const clusters = (text: string): ReadonlyArray<string> =>
  ascii.test(text) ? [...text] : [...segmenter.segment(text)].map(({ segment }) => segment)

/** How many columns of a terminal a text without control characters takes. */
export const widthOf = (text: string): number =>
  ascii.test(text) ? text.length : clusters(text).reduce((sum, cluster) => sum + widthOfOne(cluster), 0)

/** The longest beginning of a text that takes at most so many columns; no character is cut through. */
export const startOf = (text: string, columns: number): string => {
  let start = ""
  let width = 0
  for (const cluster of clusters(text)) {
    width += widthOfOne(cluster)
    if (width > columns) break
    start += cluster
  }
  return start
}

/** A text in at most so many columns, cut with an ellipsis where it is longer. */
export const cut = (text: string, columns: number): string =>
  widthOf(text) <= columns ? text : `${startOf(text, Math.max(0, columns - 1)).trimEnd()}…`

/** A text filled up with spaces to so many columns. */
export const padTo = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - widthOf(text)))

/** A text in lines of at most so many columns, broken at spaces where there are any. */
export const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let rest = text
  while (widthOf(rest) > columns) {
    const start = startOf(rest, columns)
    const space = rest[start.length] === " " ? start.length : start.lastIndexOf(" ")
    // A character may be wider than the line.
    const end = space > 0 ? space : Math.max(start.length, clusters(rest)[0]?.length ?? 1)
    lines.push(rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}
