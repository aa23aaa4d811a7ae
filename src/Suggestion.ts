/** Edits (insert, delete, replace, swap neighbours) between two short texts; optimal string alignment. */
export const editDistance = (a: string, b: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

const longestWord = 64

/** The candidate that was probably meant: near in letters, or one that begins with the word. */
export const nearest = (word: string, candidates: ReadonlyArray<string>): string | undefined => {
  if (word.length === 0 || word.length > longestWord) return undefined
  const lower = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(lower, candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  if (best !== undefined || word.length < 3) return best
  const longer = candidates.filter((candidate) => candidate.startsWith(lower))
  return longer.sort((a, b) => a.length - b.length)[0]
}

/** The hint `did you mean …?`, if something is near. */
export const didYouMean = (word: string, candidates: ReadonlyArray<string>): string | undefined => {
  const found = nearest(word, candidates)
  return found === undefined ? undefined : `did you mean ${found}?`
}
