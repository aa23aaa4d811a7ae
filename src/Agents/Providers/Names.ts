/** Whether a name fits a pattern, in which each `*` stands for any text. Takes time by the lengths, whatever the pattern. */
export const fits = (pattern: string, name: string): boolean => {
  const [first = "", ...rest] = pattern.split("*")
  const last = rest.pop()
  if (last === undefined) return pattern === name
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  const end = name.length - last.length
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** The entry whose pattern fits a name best: the name itself, else the longest pattern; of equals the first. */
export const best = <A>(entries: ReadonlyArray<readonly [pattern: string, value: A]>, name: string): A | undefined => {
  const fitting = entries.filter(([pattern]) => fits(pattern, name))
  const exact = fitting.find(([pattern]) => pattern === name)
  const [chosen] = exact === undefined ? fitting.sort(([a], [b]) => b.length - a.length) : [exact]
  return chosen?.[1]
}
