import { hidden } from "../Domain/Redaction.ts"

/** Shorter ones, in characters, are words of texts: what servers without keys are given for one, such as "ollama". */
const shortest = 8

/** Blanks secrets in what agents and their servers said. */
export interface Blanking {
  /** A whole text without the secrets. */
  readonly whole: (text: string) => string
  /** A text that broke off, without the secrets and without the beginning of one at its end. */
  readonly cut: (text: string) => string
  /** For a text that comes in pieces. */
  readonly pieces: () => {
    /** What may be passed on so far: held back is at most what may be the beginning of a secret. */
    readonly add: (piece: string) => string
    /** What is held back, as it is shown if nothing follows. */
    readonly rest: () => string
  }
}

/** How many of a text's last characters begin the secret, and may go on to be it. */
const begunAtEnd = (text: string, secret: string): number => {
  const first = secret.charAt(0)
  const from = Math.max(0, text.length - secret.length + 1)
  for (let at = text.indexOf(first, from); at >= 0; at = text.indexOf(first, at + 1)) {
    if (secret.startsWith(text.slice(at))) return text.length - at
  }
  return 0
}

/**
 * Blanks these secrets where they are repeated as they are, those of 8 characters or more. Takes time linear in the
 * text, so that whole outputs can be blanked; error texts, which are short, are blanked of other spellings, too.
 */
export const blankingOf = (secrets: Iterable<string>): Blanking => {
  const known = [...new Set(secrets)]
    .filter(({ length }) => length >= shortest)
    // One may be part of another.
    .sort((a, b) => b.length - a.length)
  const whole = (text: string) => known.reduce((rest, secret) => rest.replaceAll(secret, hidden), text)
  const begun = (text: string) => Math.max(0, ...known.map((secret) => begunAtEnd(text, secret)))
  const shown = (end: string) => (end.length >= shortest ? hidden : end)
  return {
    whole,
    cut: (text) => {
      const blanked = whole(text)
      const length = blanked.length - begun(blanked)
      return blanked.slice(0, length) + shown(blanked.slice(length))
    },
    pieces: () => {
      let held = ""
      return {
        add: (piece) => {
          if (known.length === 0) return piece
          const text = whole(held + piece)
          const length = text.length - begun(text)
          held = text.slice(length)
          return text.slice(0, length)
        },
        rest: () => shown(held)
      }
    }
  }
}
