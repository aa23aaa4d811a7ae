import { hidden } from "../../Domain/Redaction.ts"
import { formsOf, type Reading, readingsAt } from "./Spellings.ts"

/** Shorter ones are no secrets, and are part of any text. */
const shortestSecret = 4

type Word = ReadonlyArray<string>

const wordsOf = (secrets: Iterable<string>): ReadonlyArray<Word> => {
  const forms = [...new Set(secrets)].filter((secret) => secret.length >= shortestSecret).flatMap(formsOf)
  return [...new Set(forms)]
    .filter((form) => form.length >= shortestSecret)
    .map((form) => Array.from(form.toWellFormed(), (character) => character.toLowerCase()))
}

/** Where a word ends that begins at a place, however its characters are spelled; undefined when none does. */
const endOf = (word: Word, start: number, read: (at: number) => ReadonlyArray<Reading>): number | undefined => {
  // All places that are possible at once: trying them one after the other could take for ever.
  let places = [start]
  for (const character of word) {
    const next = new Set<number>()
    for (const place of places)
      for (const reading of read(place)) if (reading.character === character) next.add(reading.end)
    if (next.size === 0) return undefined
    places = [...next]
  }
  return Math.max(...places)
}

/**
 * A text without these secrets, in whatever case, encoding or escape a receiver repeats them. With `from`, the text from
 * there on: a secret that lies across that place is blanked too. Takes time linear in the text's length.
 */
export const withoutThese = (secrets: Iterable<string>): ((text: string, from?: number) => string) => {
  const byFirst = new Map<string, Array<Word>>()
  for (const word of wordsOf(secrets)) {
    const first = word[0] ?? ""
    byFirst.set(first, [...(byFirst.get(first) ?? []), word])
  }
  if (byFirst.size === 0) return (text, from = 0) => text.slice(from)
  return (text, from = 0) => {
    const known = new Map<number, ReadonlyArray<Reading>>()
    const read = (at: number): ReadonlyArray<Reading> => {
      if (at >= text.length) return []
      const before = known.get(at)
      if (before !== undefined) return before
      const readings = readingsAt(text, at)
      known.set(at, readings)
      return readings
    }
    let shown = ""
    let at = 0
    while (at < text.length) {
      const words = read(at).flatMap(({ character }) => byFirst.get(character) ?? [])
      const end = Math.max(-1, ...words.map((word) => endOf(word, at, read) ?? -1))
      if (end > at) {
        if (end > from) shown += hidden
        // What Base64 is filled up with.
        at = end + (/^={0,2}/.exec(text.slice(end, end + 2))?.[0].length ?? 0)
      } else {
        if (at >= from) shown += text.charAt(at)
        at++
      }
    }
    return shown
  }
}
